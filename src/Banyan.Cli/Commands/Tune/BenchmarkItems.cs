using System.Text.Json.Nodes;
using Banyan.Cli.Commands.Eval;
using Banyan.Evaluation.Contamination;
using Banyan.Runtime.Tokenizers;
using Banyan.Training.Data;

namespace Banyan.Cli.Commands.Tune;

/// <summary>Items of known benchmarks in the training data: in its files, or in its decoded samples if the files are not text.</summary>
static class BenchmarkItems
{
    public static IReadOnlyList<ContaminationHit> Find(string path, PreparedData data, Tokenizer tokenizer, string work,
        CancellationToken cancellationToken)
    {
        if (!HasParquet(path))
            return ContaminatedCommand.Scan(path, cancellationToken);
        var texts = Path.Combine(work, "texts.jsonl");
        try
        {
            var samples = data.Data.Samples.Concat(data.Data.Pairs.Select(p => p.Chosen));
            File.WriteAllLines(texts, samples.Select(s => new JsonObject { ["text"] = tokenizer.Decode(s.Tokens) }.ToJsonString()));
            var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
            return [.. ContaminatedCommand.Scan(texts, cancellationToken).Select(hit => hit with { File = $"{name}, sample" })];
        }
        finally
        {
            File.Delete(texts);
        }
    }

    static bool HasParquet(string path) => Directory.Exists(path)
        ? Directory.EnumerateFiles(path, "*.parquet", SearchOption.AllDirectories).Any()
        : path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase);
}
