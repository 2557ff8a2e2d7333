using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Reports;

/// <summary>The result of verifying a report.</summary>
/// <param name="Signer">The public key it says it was signed with.</param>
/// <param name="Differences">Differences from the report; empty if there are none.</param>
/// <param name="Answers">Number of answers judged again.</param>
public sealed record VerifiedReport(string Signer, IReadOnlyList<string> Differences, int Answers);

/// <summary>
/// Verifies a report from the files beside it:
/// <code>
/// 1. its signature → 2. the hashes of its transcripts and pages → 3. every answer judged again, here → 4. every number computed again, and compared
/// </code>
/// </summary>
public static class ReportVerification
{
    /// <summary>
    /// Verifies a report's file, or the one in a folder. Throws <see cref="EvaluationException"/> if it is not a report, or cannot be
    /// judged here.
    /// </summary>
    /// <param name="path">The report.</param>
    /// <param name="source">Where a task's data is.</param>
    /// <param name="judge">The judge.</param>
    /// <param name="signer">Who must have signed it, as base64; null: anyone.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public static async Task<VerifiedReport> VerifyAsync(string path, Func<EvaluationTask, Task<TaskSource>> source,
        Judge judge, string? signer = null,
        IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, ReportFolder.FileName) : path;
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var (json, signedBy, isValid) = SignedJson.Read(file);
        var differences = new List<string>();
        if (!isValid)
            differences.Add("signature: it is not that of this report: the report was changed after it was signed");
        if (signer is not null && signer != signedBy)
            differences.Add($"signature: by {signedBy}, not by {signer}");

        var (reported, transcripts, margin, pages) = Parse(json, file);
        CheckPages(folder, pages, differences);
        var present = transcripts.Where(t => CheckTranscript(folder, t, differences)).Select(t => Path.Combine(folder, t.File)).ToList();
        var recomputed = new List<RunResult>();
        var answers = 0;
        foreach (var run in reported)
        {
            var again = await JudgeAsync(run, present, source, judge, differences, progress, cancellationToken);
            answers += again?.Items.Count ?? 0;
            recomputed.Add(again ?? run);
        }
        // Another version of the harness may judge; whether it judges otherwise, the rest tells.
        var report =
            new EvaluationReport([.. recomputed.Zip(reported, (a, b) => a with { Hashes = a.Hashes with { Harness = b.Hashes.Harness } })],
                transcripts, margin, pages);
        differences.AddRange(JsonDifference.Of(json, Plain(report.ToJson())));
        return new(signedBy, differences, answers);
    }

    static async Task<RunResult?> JudgeAsync(RunResult run, IReadOnlyList<string> transcripts,
        Func<EvaluationTask, Task<TaskSource>> source, Judge judge,
        List<string> differences, IProgress<RunProgress>? progress, CancellationToken cancellationToken)
    {
        var temporary = Path.Combine(Path.GetTempPath(), $"banyan-verify-{Guid.NewGuid():N}.jsonl");
        try
        {
            using (var transcript = Transcript.Open(temporary))
                foreach (var entry in transcripts.SelectMany(Transcript.Read)
                    .Where(e => e.RequestedModel == run.RequestedModel && e.Origin == run.Origin && e.Sampling == run.Sampling))
                    transcript.Append(entry);
            var task = TaskTable.Find(run.Task);
            var plan = new RunPlan(task, await source(task))
            {
                Sampling = run.Sampling,
                Samples = run.SamplesPerItem,
                Items = run.Items.Select(i => i.Id).ToHashSet(),
                Form = run.Prompt
            };
            var model = RecordedModel.Open(temporary, run.RequestedModel);
            using var answers = Transcript.Open(temporary);
            var prepared = await EvaluationRun.PrepareAsync(plan, model, judge, cancellationToken);
            return await prepared.RunAsync(answers, progress, cancellationToken);
        }
        catch (Exception e) when (e is EvaluationException or ModelException)
        {
            differences.Add(
                $"{run.RequestedModel} {run.Task}: cannot be judged again: {e.Message.Replace(temporary, "the transcript", StringComparison.Ordinal)}");
            return null;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    static bool CheckTranscript(string folder, ReportedTranscript transcript, List<string> differences)
    {
        var path = Path.GetFullPath(Path.Combine(folder, transcript.File));
        if (!path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !File.Exists(path))
        {
            differences.Add($"{transcript.File}: not there");
            return false;
        }
        using var file = File.OpenRead(path);
        var hash = Convert.ToHexStringLower(SHA256.HashData(file));
        if (hash != transcript.Sha256)
            differences.Add($"{transcript.File}: its SHA-256 is {hash}, not {transcript.Sha256}: answers were changed");
        return true;
    }

    /// <summary>A missing page cannot mislead; an existing one must be the one that was signed.</summary>
    static void CheckPages(string folder, IReadOnlyDictionary<string, string> pages, List<string> differences)
    {
        foreach (var (name, hash) in pages.Append(KeyValuePair.Create("index.html", pages.GetValueOrDefault("index.html", "")))
            .DistinctBy(p => p.Key))
        {
            var path = Path.GetFullPath(Path.Combine(folder, name));
            if (!path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                differences.Add($"{name}: lies outside the report's folder");
            else if (File.Exists(path) && Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))) is var found && found != hash)
                differences.Add(hash.Length == 0 ? $"{name}: the report says nothing of it: it may show anything"
                    : $"{name}: its SHA-256 is {found}, not {hash}: what it shows was changed");
        }
    }

    static (List<RunResult> Runs, List<ReportedTranscript> Transcripts, double Margin, Dictionary<string, string> Pages) Parse(
        JsonObject json, string file)
    {
        try
        {
            return ([.. json["runs"]!.AsArray().Select(r => RunFile.Parse(r!))],
                [.. json["transcripts"]!.AsArray()
                    .Select(t => new ReportedTranscript(t!["file"]!.GetValue<string>(), t["sha256"]!.GetValue<string>(),
                        t["answers"]!.GetValue<int>()))],
                json["margin"]!.GetValue<double>(),
                json["pages"]?.AsObject().ToDictionary(p => p.Key, p => p.Value!.GetValue<string>()) ?? []);
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new EvaluationException($"{file} is no report of this version: {JsonProblem.Of(e)}");
        }
    }

    /// <summary>The value as it would be read back, with numbers and dates as text.</summary>
    static JsonNode Plain(JsonObject json) => JsonNode.Parse(json.ToJsonString())!;
}
