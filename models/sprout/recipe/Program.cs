using System.Globalization;
using System.Text.Json;
using Banyan.Runtime.WeightFormats;
using Banyan.Sprout.Data;
using Banyan.Sprout.Export;
using Banyan.Sprout.Tokens;
using Banyan.Sprout.Training;
using static TorchSharp.torch;

const string Usage = """
    sprout-recipe: makes sprout, the sample model. Long options have the defaults shown.

      prepare CHECKOUTS   --list data.tsv --data data [--seed 20261123]
          reads CHECKOUTS/owner+name for each row of the list; writes tokens, tokenizer and held-out files to --data
      train               --data data --run run --hours 1.5 --threads 2 [--seed 1]
          trains, or goes on from run/checkpoint.safetensors; the learning rate reaches zero when --hours of training are over
      check
          compares the hand-written gradient with libtorch's automatic one
      evaluate            --data data --run run [--format F32 --threads 2]
          bits a byte on held-out files and on repositories never trained on
      sample              --data data --run run --prompts prompts.json [--temperature 0 --tokens 64 --seed 1]
      logits IDS_JSON     --data data --run run
          ten likeliest next tokens with natural log-probabilities after each list of ids, one JSON line a list
      tokenize FILE       --data data
      export OUT          --data data --run run
          safetensors and GGUF files, loss curve
      export-f32 FILE     --data data --run run
          a GGUF file with the exact weights, to check other runtimes with
    """;

string Option(string name, string fallback)
{
    int at = Array.IndexOf(args, "--" + name);
    return at < 0 ? fallback : at + 1 < args.Length ? args[at + 1] : throw new ArgumentException($"--{name} needs a value.");
}

double Number(string name, double fallback) => double.Parse(Option(name, fallback.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);

string data = Option("data", "data"), run = Option("run", "run");
BpeTokenizer Tokenizer() => BpeTokenizer.Load(Path.Combine(data, "merges.json"));
SproutModel Model() => Checkpoint.LoadModel(Path.Combine(run, "checkpoint.safetensors")).Model;

set_num_threads(1); // a busy machine makes threads wait for each other; train sets its own
switch (args)
{
    case ["prepare", var checkouts, ..]:
        Preparation.Run(checkouts, Option("list", "data.tsv"), data, (int)Number("seed", 20261123));
        return 0;
    case ["train", ..]:
        new Trainer(new TrainingOptions(data, run, Number("hours", 1.5), (int)Number("threads", 2), (int)Number("seed", 1))).Run(new ModelShape());
        return 0;
    case ["check", ..]:
        double worst = GradientCheck.Run(new SproutModel(new ModelShape(), seed: 1), positions: 304);
        Console.WriteLine($"largest relative difference {worst:E2}");
        return worst < 1e-4 ? 0 : 1;
    case ["evaluate", ..]:
        if (!WeightFormat.TryGet(Option("format", "F32"), out var format))
        {
            throw new ArgumentException($"--format {Option("format", "F32")}: no such weight format.");
        }

        EvaluationReport.Print(Model(), Tokenizer(), data, format, (int)Number("threads", 2));
        return 0;
    case ["sample", ..]:
        SampleReport.Print(new Sampler(Model(), Tokenizer()), Tokenizer(), Option("prompts", "prompts.json"), (int)Number("tokens", 64), Number("temperature", 0), (int)Number("seed", 1));
        return 0;
    case ["logits", var prompts, ..]:
        foreach (int[] ids in JsonSerializer.Deserialize<int[][]>(prompts)!)
        {
            float[] next = new Sampler(Model(), Tokenizer()).Next(ids);
            var top = Enumerable.Range(0, next.Length).OrderByDescending(id => next[id]).Take(10).Select(id => new object[] { id, next[id] });
            Console.WriteLine(JsonSerializer.Serialize(new { token = Array.IndexOf(next, next.Max()), top }));
        }

        return 0;
    case ["tokenize", var file, ..]:
        Console.WriteLine(JsonSerializer.Serialize(new { ids = Tokenizer().Encode(File.ReadAllText(file)).Select(id => (int)id) }));
        return 0;
    case ["export", var folder, ..]:
        HuggingFaceExport.Write(folder, Model(), Tokenizer());
        GgufExport.Write(Path.Combine(folder, "sprout-Q8_0.gguf"), Model(), Tokenizer(), WeightFormat.Q8_0);
        LossCurve.Draw(Path.Combine(run, "loss.csv"), Path.Combine(folder, "loss.svg"));
        return 0;
    case ["export-f32", var path, ..]:
        GgufExport.Write(path, Model(), Tokenizer(), WeightFormat.F32);
        return 0;
    default:
        Console.Error.WriteLine(Usage);
        return 2;
}
