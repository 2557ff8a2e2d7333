using System.Globalization;
using Banyan.Runtime.Models;
using Banyan.Sprout.Data;
using Banyan.Sprout.Results;
using Banyan.Sprout.Tokens;

const string Usage = """
    sprout-recipe: what is sprout's own in making it: its data, tokenizer and shape, and its card. banyan tune trains it.

      prepare CHECKOUTS   [--list data.tsv --data data --seed 20261123]
          reads CHECKOUTS/owner+name for each row of the list; writes the records to learn from, and the held-out files
      shape FOLDER        [--data data]
          a new tokenizer, learned from these records, with sprout's configuration
      evaluate MODEL      [--data data --threads 2]
          bits a byte on held-out files and on repositories never trained on
      sample MODEL        [--prompts prompts.json --temperature 0 --tokens 48 --seed 1 --threads 2]
      curve EVENTS SVG    draws what banyan tune --json printed
    """;

string Option(string name, string fallback)
{
    int at = Array.IndexOf(args, "--" + name);
    return at < 0 ? fallback : at + 1 < args.Length ? args[at + 1] : throw new ArgumentException($"--{name} needs a value.");
}

double Number(string name, double fallback) => double.Parse(Option(name, fallback.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);

string data = Option("data", "data");
Model Load(string path) => Model.Load(path, new ModelOptions { Threads = (int)Number("threads", 2), Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });

switch (args)
{
    case ["prepare", var checkouts, ..]:
        Preparation.Run(checkouts, Option("list", "data.tsv"), data, (int)Number("seed", 20261123));
        return 0;
    case ["shape", var folder, ..]:
        Shape.Write(folder, Path.Combine(data, "train.jsonl"));
        return 0;
    case ["evaluate", var path, ..]:
        using (var model = Load(path))
        {
            new Evaluation(model).Print(Path.Combine(data, "held_out.jsonl"));
        }

        return 0;
    case ["sample", var path, ..]:
        using (var model = Load(path))
        {
            await Samples.PrintAsync(model, Option("prompts", "prompts.json"), (int)Number("tokens", 48), (float)Number("temperature", 0), (int)Number("seed", 1));
        }

        return 0;
    case ["curve", var events, var svg]:
        LossCurve.Draw(events, svg);
        return 0;
    default:
        Console.Error.WriteLine(Usage);
        return 2;
}
