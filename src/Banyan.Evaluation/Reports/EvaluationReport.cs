using System.Text.Json.Nodes;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Statistics;
using Banyan.Evaluation.Twins;

namespace Banyan.Evaluation.Reports;

/// <summary>A file of answers that a report is based on.</summary>
/// <param name="File">Its path within the report's folder.</param>
/// <param name="Sha256">Its hash, in hexadecimal.</param>
/// <param name="Answers">Answers in it.</param>
public sealed record ReportedTranscript(string File, string Sha256, int Answers);

/// <summary>Two models on a task.</summary>
/// <param name="A">The first.</param>
/// <param name="B">The second.</param>
/// <param name="Task">The task.</param>
/// <param name="Result">The comparison.</param>
public sealed record ReportedComparison(string A, string B, string Task, PairedComparison Result);

/// <summary>Models on tasks: scores with intervals, comparisons item by item, and everything they depend on.</summary>
public sealed class EvaluationReport
{
    /// <summary>
    /// Creates a report from results; those of one model, prompt form and temperature belong together. Throws
    /// <see cref="EvaluationException"/> if a task occurs twice.
    /// </summary>
    /// <param name="runs">The results.</param>
    /// <param name="transcripts">Their answers.</param>
    /// <param name="margin">The margin of non-inferiority.</param>
    /// <param name="pages">Hashes of the files that show it, so that the pages people read are signed too.</param>
    public EvaluationReport(IReadOnlyList<RunResult> runs, IReadOnlyList<ReportedTranscript> transcripts, double margin = 0.05,
        IReadOnlyDictionary<string, string>? pages = null)
    {
        Pages = pages ?? new Dictionary<string, string>();
        if (runs.Count == 0)
            throw new EvaluationException("a report needs at least one run");
        if (runs.FirstOrDefault(r => r.Items.Count == 0) is { } empty)
            throw new EvaluationException($"the run of {empty.Task} by '{empty.RequestedModel}' has no items");
        var places = runs.Select(r => (r.RequestedModel, r.Origin)).Distinct().CountBy(p => p.RequestedModel).ToDictionary();
        Runs = [.. runs.Select(r => new ReportedRun(r, places[r.RequestedModel] > 1))];
        if (Runs.GroupBy(r => (r.Subject, r.Run.Task)).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new EvaluationException($"two runs of {twice.Key.Task} by {twice.Key.Subject}: a report has one");
        Transcripts = transcripts;
        Margin = margin;
        // One family: whoever looks for the better of several models looks at all pairs.
        var compared = Compare().ToList();
        var adjusted = Holm.Adjust([.. compared.Select(c => c.Result.PValue)]);
        Comparisons = [.. compared.Select((c, i) => c with { Result = c.Result with { AdjustedPValue = adjusted[i] } })];
        Gaps = TwinGap.Adjusted(
            [.. Subjects.SelectMany(s => TwinGap.Of([.. Runs.Where(r => r.Subject == s).Select(r => r.Run.Score)], margin)
                .Select(gap => (s, gap)))]);
    }

    /// <summary>Every run.</summary>
    public IReadOnlyList<ReportedRun> Runs { get; }

    /// <summary>Models, in the order of the runs; the same model with another prompt is another.</summary>
    public IReadOnlyList<string> Subjects => [.. Runs.Select(r => r.Subject).Distinct()];

    /// <summary>Tasks, in the order of the runs.</summary>
    public IReadOnlyList<string> Tasks => [.. Runs.Select(r => r.Run.Task).Distinct()];

    /// <summary>Every pair of models on every task that both were run on with the same items.</summary>
    public IReadOnlyList<ReportedComparison> Comparisons { get; }

    /// <summary>Every model's originals against their twins, if it was run on both.</summary>
    public IReadOnlyList<(string Subject, TwinGap Gap)> Gaps { get; }

    /// <summary>The answers.</summary>
    public IReadOnlyList<ReportedTranscript> Transcripts { get; }

    /// <summary>SHA-256 of the files that show it, by their paths within the report's folder.</summary>
    public IReadOnlyDictionary<string, string> Pages { get; }

    /// <summary>The margin of non-inferiority.</summary>
    public double Margin { get; }

    /// <summary>The run of a model on a task, or null.</summary>
    public ReportedRun? Find(string subject, string task) => Runs.FirstOrDefault(r => r.Subject == subject && r.Run.Task == task);

    /// <summary>All of it as JSON: what is signed.</summary>
    public JsonObject ToJson() => new()
    {
        ["version"] = 1,
        ["margin"] = Margin,
        ["transcripts"] =
            new JsonArray(
                [.. Transcripts.Select(t => new JsonObject { ["file"] = t.File, ["sha256"] = t.Sha256, ["answers"] = t.Answers })]),
        ["pages"] =
            new JsonObject(Pages.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))),
        ["runs"] = new JsonArray([.. Runs.Select(r =>
        {
            var json = RunFile.ToJson(r.Run);
            json["interval"] = Pair(r.Interval);
            json["passAtK"] = new JsonObject(r.PassAtK.Select(p => KeyValuePair.Create($"{p.K}", (JsonNode?)p.Value)));
            return json;
        })]),
        ["comparisons"] = new JsonArray([.. Comparisons.Select(c => new JsonObject
        {
            ["a"] = c.A,
            ["b"] = c.B,
            ["task"] = c.Task,
            ["n"] = c.Result.Items,
            ["difference"] = c.Result.Difference,
            ["interval"] = Pair(c.Result.Interval),
            ["onlyA"] = c.Result.OnlyA,
            ["onlyB"] = c.Result.OnlyB,
            ["p"] = c.Result.PValue,
            ["pHolm"] = c.Result.AdjustedPValue,
            ["verdict"] = VerdictNames.Of(c.Result.Verdict),
            ["itemsNeeded"] = c.Result.ItemsNeeded,
        })]),
        ["twins"] = new JsonArray([.. Gaps.Select(g =>
        {
            var json = g.Gap.ToJson();
            json.Insert(0, "model", g.Subject);
            return json;
        })]),
    };

    static JsonArray Pair(Interval interval) => [interval.Low, interval.High];

    IEnumerable<ReportedComparison> Compare()
    {
        var subjects = Subjects;
        foreach (var (i, a) in subjects.Index())
            foreach (var b in subjects.Skip(i + 1))
            {
                var common = Tasks.Where(t => Find(a, t) is { } x && Find(b, t) is { } y && Ids(x).SetEquals(Ids(y))).ToList();
                if (common.Count == 0)
                    continue;
                List<Score> Scores(string subject) => [.. common.Select(t => Find(subject, t)!.Run.Score)];
                foreach (var (task, result) in Comparison.Of(Scores(a), Scores(b), Margin))
                    yield return new(a, b, task, result);
            }
    }

    static HashSet<string> Ids(ReportedRun run) => [.. run.Run.Items.Select(i => i.Id)];
}
