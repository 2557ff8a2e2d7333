using System.Text.Json.Nodes;
using Banyan.Runtime.Conversion;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tokenizers;
using Banyan.Tests;
using Banyan.Training.Data;
using Banyan.Training.Vocabulary;

namespace Banyan.Training.Tests.Vocabulary;

/// <summary>
/// New tokens learned from data: what they are, what texts become by them, where they are written, and that they are trained.
/// </summary>
public sealed class VocabularyExtensionTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-vocabulary-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static string Sprout => Path.Combine(SharedData.Repository, "models", "sprout");

    // Sprout as a GGUF file, or as a folder of safetensors, which its own is not alone.
    string Base(bool isFolder)
    {
        if (!isFolder)
            return Path.Combine(Sprout, "sprout-Q8_0.gguf");
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "sprout")).FullName;
        foreach (var name in new[] { "model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "README.md" })
            File.Copy(Path.Combine(Sprout, name), Path.Combine(folder, name), overwrite: true);
        return folder;
    }

    static Model Load(string path) =>
        Model.Load(path, new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });

    // Sentences of a language that sprout, which has read code alone, spells in bytes.
    static string[] Sentences(int count, int seed)
    {
        string[] who = ["किसान", "शिक्षक", "लड़की", "दुकानदार", "मेरी माँ"], what = ["पानी", "किताब", "चावल", "चिट्ठी", "नाव"], does =
            ["लाता है", "देखता है", "चाहता है", "बेचता है"];
        var random = new Random(seed);
        string One(string[] of) => of[random.Next(of.Length)];
        return [.. Enumerable.Range(0, count).Select(_ => $"{One(who)} बाज़ार में {One(what)} {One(does)}।")];
    }

    (Model Model, PreparedData Data) Prepare(string path)
    {
        var file = Path.Combine(_folder, "text.jsonl");
        File.WriteAllLines(file, Sentences(40, 1).Select(s => new JsonObject { ["text"] = s }.ToJsonString()));
        var model = Load(path);
        return (model, Preparation.Run(model, new DataOptions(file) { MaxTokens = 128 }, Path.Combine(_folder, "data")));
    }

    [Fact]
    public void The_most_frequent_pair_becomes_a_token_again_and_again()
    {
        // 1 2 occurs 7 times, then 12 3 five times; 4 4 4 overlaps and has one pair; 5 6 occurs once.
        var learner = new MergeLearner([([1, 2, 3], 5), ([9, 1, 2], 2), ([4, 4, 4], 3), ([5, 6], 1), ([8, 7], 6)]);
        Assert.Equal(15 + 6 + 9 + 2 + 12, learner.Tokens);
        var next = 100;
        var merges = learner.Learn(10, (left, right) => (left, right) == (8, 7) ? null : (next++, true));
        Assert.Equal([new(1, 2, 100), new(4, 4, 101), new(100, 3, 102), new(101, 4, 103), new(9, 100, 104)], merges);
        Assert.Equal(5 + 2 + 3 + 2 + 12, learner.Tokens);
    }

    [Fact]
    public void Words_are_counted_and_the_rarest_forgotten()
    {
        var words = new WordCounts();
        foreach (var word in new[] { "ab", "cd", "ab", "x", new string('y', 500) })
            words.Encode(System.Text.Encoding.UTF8.GetBytes(word), []);
        Assert.Equal([("ab", 2L), ("cd", 1L)],
            words.Words(new Bytes()).Select(w => (string.Concat(w.Tokens.Select(t => (char)t)), w.Count)));
    }

    sealed class Bytes : TextEncoder
    {
        public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
        {
            foreach (var value in piece)
                ids.Add(value);
        }
    }

    // GGUF, quantized and tied; a folder; and the folder as GGUF.
    [Fact]
    public void Texts_are_what_they_were_in_fewer_tokens_whatever_file_they_are_written_to()
    {
        string[] texts = [.. Sentences(20, 2), "public static int Main() => 0;", "<|im_start|>user\nनमस्ते<|im_end|>", " \t\n",
            "żółw 榕树 👩‍👩‍👧", "किसानकिसान\u0000<|endoftext|>"];
        var tokenizers = new List<Tokenizer>();
        foreach (var isFolder in new[] { false, true })
        {
            var from = Base(isFolder);
            var (model, data) = Prepare(from);
            using var _ = model;
            using var __ = data;
            var extension = VocabularyExtension.Learn(model, data.Data, 40);
            Assert.Equal(40, extension.Count);
            Assert.True(extension.TokensAfter < 0.5 * extension.TokensBefore, extension.ToString());
            Assert.Contains(extension.Tokens, t => t.EndsWith("त", StringComparison.Ordinal));
            var path = Path.Combine(_folder, isFolder ? "extended" : "extended.gguf");
            extension.Write(path);
            using var extended = Load(path);
            Assert.Equal(model.Config.VocabularySize + 40, extended.Config.VocabularySize);
            tokenizers.Add(extended.Tokenizer);
            if (isFolder)
            {
                using var file = ModelFile.Open(path);
                using var conversion = new GgufConversion(file);
                conversion.Write(Path.Combine(_folder, "converted.gguf"));
                tokenizers.Add(Tokenizer.Open(Path.Combine(_folder, "converted.gguf")));
            }
            CheckRows(model, extended, 40);
            foreach (var text in texts)
            {
                int[] before = model.Tokenizer.Encode(text), after = extended.Tokenizer.Encode(text);
                Assert.True(after.Length <= before.Length, text);
                Assert.Equal(model.Tokenizer.Decode(before), extended.Tokenizer.Decode(after));
                if (!text.Any(c => c is >= '\u0900' and <= '\u097F'))
                    Assert.Equal(before, after);
                Assert.All(tokenizers, t => Assert.Equal(after, t.Encode(text)));
            }
            // What training reads is what the tokenizer gives.
            var sample = data.Data.Samples[0];
            var encoded = VocabularyExtension.Encode(data.Data, model.Tokenizer, extended.Tokenizer).Samples[0];
            Assert.Equal(model.Tokenizer.Decode(sample.Tokens), extended.Tokenizer.Decode(encoded.Tokens));
            Assert.True(encoded.Tokens.Length < 0.7 * sample.Tokens.Length);
            Assert.Equal(extended.Tokenizer.Encode(model.Tokenizer.Decode(sample.Tokens)), encoded.Tokens);
        }
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "extended", "config.json")))!;
        Assert.Equal(4096 + 40, (int)config["vocab_size"]!);
    }

    // A row is the mean of those of the base's tokens that it stands for, within what the format rounds; those before it are what they
    // were.
    static void CheckRows(Model model, Model extended, int count)
    {
        using ModelFile file = ModelFile.Open(model.Path), grown = ModelFile.Open(extended.Path);
        Tensor before = file.GetTensor("token_embd.weight"), after = grown.GetTensor("token_embd.weight");
        Assert.Equal(before.Rows + count, after.Rows);
        Assert.Equal(before.Row(before.Rows - 1).ToArray(), after.Row(before.Rows - 1).ToArray());
        var columns = (int)before.Columns;
        float[] row = new float[columns], piece = new float[columns];
        foreach (var token in new[] { 0, count - 1 })
        {
            var pieces = model.Tokenizer.Encode(extended.Tokenizer.Text(model.Config.VocabularySize + token), addSpecial: false);
            if (model.Tokenizer.Decode(pieces).Contains('\uFFFD'))
                continue; // a part of a character
            var mean = new float[columns];
            foreach (var id in pieces)
            {
                before.Dequantize(id, 1, piece);
                for (var i = 0; i < columns; i++)
                    mean[i] += piece[i] / pieces.Length;
            }
            after.Dequantize(before.Rows + token, 1, row);
            for (var i = 0; i < columns; i++)
                Assert.Equal(mean[i], row[i], 2e-3);
        }
    }

    // The embedding rows of new tokens, and none of the others; the comparison is with the base in its own tokens.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void New_tokens_are_trained_and_a_whole_model_is_written(bool isFolder)
    {
        var (model, data) = Prepare(Base(isFolder));
        using var _ = model;
        using var __ = data;
        var extension = VocabularyExtension.Learn(model, data.Data, 30);
        var (path, written) = (Path.Combine(_folder, isFolder ? "extended" : "extended.gguf"),
            Directory.CreateDirectory(Path.Combine(_folder, "out")).FullName);
        extension.Write(path);
        using var extended = Load(path);
        var learned = VocabularyExtension.Encode(data.Data, model.Tokenizer, extended.Tokenizer);
        using var trainer = new Trainer(extended, learned,
            new TuneOptions { NewTokens = extension.Count, Rank = 4, SequenceLength = 128, Steps = 8, LearningRate = 2e-2 })
        {
            BaseLosses = TextLoss.Of(model, data.Data.HeldOut),
        };
        Assert.Null(ModelFolder.Problem(trainer));
        Assert.Contains("ModelFolder",
            Assert.Throws<TrainingException>(() => AdapterFolder.Write(written, trainer, new("a/b", "c"))).Message,
            StringComparison.Ordinal);
        trainer.Run();
        var result = ModelFolder.Write(written, trainer, new("owner/base", "text"));
        Assert.InRange(result.LargestDifference, 0, 0.05);
        Assert.Equal("better", result.Comparison!.Verdict);
        Assert.Equal(TextLoss.Of(model, data.Data.HeldOut).Sum(t => t.Loss) / data.Data.HeldOut.Sum(t => t.Targets.Skip(1).Count(x => x)),
            result.Comparison.Base, 1e-3);
        var card = File.ReadAllText(Path.Combine(written, "README.md"));
        Assert.Contains("base_model_relation: finetune", card, StringComparison.Ordinal);
        Assert.Contains("30 tokens behind the base's", card, StringComparison.Ordinal);

        using var tuned = Load(isFolder ? written : Path.Combine(written, ModelFolder.GgufName));
        using ModelFile before = ModelFile.Open(path), after = ModelFile.Open(tuned.Path);
        Tensor old = before.GetTensor("token_embd.weight"), now = after.GetTensor("token_embd.weight");
        float[] a = new float[old.Columns], b = new float[old.Columns];
        for (var row = old.Rows - 60; row < old.Rows; row++)
        {
            old.Dequantize(row, 1, a);
            now.Dequantize(row, 1, b);
            var distance = a.Zip(b, (x, y) => Math.Abs(x - y)).Max();
            if (row < old.Rows - 30)
                Assert.InRange(distance, 0, 1e-3); // F16's rounding
        }
        Assert.Contains(Enumerable.Range(0, (int)old.Columns), i => Math.Abs(a[i] - b[i]) > 5e-3);
    }

    [Fact]
    public void What_cannot_be_extended_is_refused_by_name()
    {
        using var other = TinyModels("stories260K");
        var text = new TrainingData { Samples = [new([1, 300, 301, 300, 301], [false, true, true, true, true])] };
        Assert.Contains("no byte-level BPE", Assert.Throws<ArgumentException>(() => VocabularyExtension.Learn(other, text, 5)).Message,
            StringComparison.Ordinal);
        using var model = TinyModels("qwen2-tiny-f32");
        Assert.Contains("no token to learn",
            Assert.Throws<ArgumentException>(() =>
                VocabularyExtension.Learn(model, new TrainingData { Samples = [new([1], [false])] }, 5)).Message, StringComparison.Ordinal);
        void Refused(string names, TuneOptions options) =>
            Assert.Contains(names, Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);
        Refused("every token's row", new() { NewTokens = 3, Method = TuneMethod.Full });
        Refused("below all layers", new() { NewTokens = 3, TopLayers = 1 });
    }

    static Model TinyModels(string name) => Passes.TinyModels.Load(name);
}
