using System.Security.Cryptography;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Reports;

/// <summary>
/// A report on the disk:
/// <code>
/// report.json          everything, signed
/// index.html           the same to look at, in one file without links to others
/// transcripts/…        every answer it rests on
/// .eval_results/…      for the model's repository on Hugging Face's hub; model-index.yaml for its card
/// </code>
/// </summary>
public static class ReportFolder
{
    /// <summary>The signed file's name.</summary>
    public const string FileName = "report.json";

    /// <summary>
    /// Results with their transcripts, from result files or folders of them (each with its <c>transcript.jsonl</c>), as <c>banyan eval
    /// run</c> writes them.
    /// </summary>
    public static IReadOnlyList<(RunResult Run, string Transcript)> ReadRuns(IEnumerable<string> paths)
    {
        var runs = new List<(RunResult, string)>();
        foreach (var path in paths)
        {
            if (!File.Exists(path) && !Directory.Exists(path))
                throw new EvaluationException(
                    $"there is no result or folder of results '{path}': banyan eval run says where it keeps them");
            var files = Directory.Exists(path) ? Directory.GetFiles(path, "*.json").Order(StringComparer.Ordinal).ToArray() : [path];
            if (files.Length == 0)
                throw new EvaluationException($"{path} holds no results (*.json)");
            foreach (var file in files)
            {
                var transcript = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, "transcript.jsonl");
                if (!File.Exists(transcript))
                    throw new EvaluationException($"{file} has no transcript.jsonl beside it: a report holds every answer");
                runs.Add((RunFile.Read(file), transcript));
            }
        }
        return runs;
    }

    /// <summary>Writes a report and returns it. Throws <see cref="EvaluationException"/> if an answer is missing.</summary>
    /// <param name="folder">The target folder.</param>
    /// <param name="runs">Results with their transcripts.</param>
    /// <param name="key">The signing key.</param>
    /// <param name="margin">The margin of non-inferiority.</param>
    /// <param name="url">Where the report will be found, for the files of the hub.</param>
    public static EvaluationReport Write(string folder, IReadOnlyList<(RunResult Run, string Transcript)> runs, SigningKey key,
        double margin = 0.05, string? url = null)
    {
        Directory.CreateDirectory(Path.Combine(folder, "transcripts"));
        var transcripts = new List<ReportedTranscript>();
        var answers =
            new Dictionary<(string Model, string? Origin, string Task, string Item, int Sample, string Prompt), TranscriptEntry>();
        foreach (var model in runs.GroupBy(r => r.Run.RequestedModel))
        {
            var entries = new Dictionary<TranscriptKey, TranscriptEntry>();
            foreach (var file in model.Select(r => r.Transcript).Distinct())
                foreach (var entry in Transcript.Read(file).Where(e => e.RequestedModel == model.Key))
                    entries.TryAdd(entry.Key, entry);
            var kept = new List<TranscriptEntry>();
            foreach (var (run, file) in model)
                foreach (var item in run.Items)
                {
                    if (!entries.TryGetValue(new(model.Key, item.PromptHash, run.Sampling, item.Sample) { Origin = run.Origin },
                        out var entry))
                        throw new EvaluationException(
                            $"{file} lacks the answer of '{model.Key}' to {item.Id} of {run.Task}: run it again (banyan eval run asks only what is missing)");
                    kept.Add(entry);
                    answers[(model.Key, run.Origin, run.Task, item.Id, item.Sample, run.Prompt)] = entry;
                }
            var name = $"transcripts/{FileSafe(model.Key)}.jsonl";
            var bytes = kept.DistinctBy(e => e.Key).SelectMany(Transcript.Line).ToArray();
            File.WriteAllBytes(Path.Combine(folder, name), bytes);
            transcripts.Add(new(name, Convert.ToHexStringLower(SHA256.HashData(bytes)), kept.DistinctBy(e => e.Key).Count()));
        }
        var report = new EvaluationReport([.. runs.Select(r => r.Run)], transcripts, margin);
        var pages = HubFilesOf(report, url).Append(("index.html", HtmlReport.Write(report, key.PublicKey,
            (run, item) =>
                answers.GetValueOrDefault((run.Run.RequestedModel, run.Run.Origin, run.Run.Task, item.Id, item.Sample,
                    run.Run.Prompt))?.Answer ?? ""))).ToList();
        foreach (var (name, text) in pages)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, name))!);
            File.WriteAllText(Path.Combine(folder, name), text);
        }
        report = new(report.Runs.Select(r => r.Run).ToList(), transcripts, margin,
            pages.ToDictionary(p => p.Item1, p => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(p.Item2)))));
        File.WriteAllText(Path.Combine(folder, FileName), SignedJson.Sign(report.ToJson(), key));
        return report;
    }

    /// <summary>The hub's files belong in one model's repository: with several models, each has a folder.</summary>
    static IEnumerable<(string Name, string Text)> HubFilesOf(EvaluationReport report, string? url)
    {
        var models = report.Runs.Where(r => r.Run.Prompt != "vendor").GroupBy(r => r.Run.RequestedModel).ToList();
        foreach (var model in models)
        {
            var results = HubFiles.EvalResults(model, url).ToList();
            if (results.Count == 0)
                continue; // the hub has no data set of these tasks
            var own = models.Count == 1 ? "" : $"models/{FileSafe(model.Key)}/";
            foreach (var (file, text) in results)
                yield return ($"{own}.eval_results/{file}", text);
            yield return ($"{own}model-index.yaml", HubFiles.ModelIndex(model.Key, model, url));
        }
    }

    /// <summary>A file name for a model; a hash distinguishes names that would collide.</summary>
    static string FileSafe(string name)
    {
        var safe = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '-')).Trim('.');
        return safe == name ? safe : $"{safe}-{Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)))[..6]}";
    }
}
