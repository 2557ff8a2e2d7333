using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Statistics;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Runs;

/// <summary>
/// One model on one task: every answer's outcome and all it depends on. It holds nothing of the moment it was computed in, so that a run that was
/// interrupted and resumed, or replayed from its transcript, has the same result.
/// </summary>
public sealed record RunResult
{
    /// <summary>The task's name.</summary>
    public required string Task { get; init; }

    /// <summary>The model that says it answered.</summary>
    public required string Model { get; init; }

    /// <summary>The model that was asked for.</summary>
    public required string RequestedModel { get; init; }

    /// <summary>Where it was asked, and what the service says of the model there; see <see cref="TranscriptEntry.Origin"/>.</summary>
    public string? Origin { get; init; }

    /// <summary>Settings that the service does not accept, so that it drew answers by its own.</summary>
    public IReadOnlyList<string> NotAccepted { get; init; } = [];

    /// <summary>What the service says identifies its configuration; several when it changed meanwhile.</summary>
    public IReadOnlyList<string> Fingerprints { get; init; } = [];

    /// <summary>The form of the prompts; see <see cref="TranscriptEntry.Prompt"/>.</summary>
    public required string Prompt { get; init; }

    /// <summary>How answers were drawn.</summary>
    public required SamplingSettings Sampling { get; init; }

    /// <summary>Answers to each item.</summary>
    public required int SamplesPerItem { get; init; }

    /// <summary>Items of the task; more than those that were run where the run was limited.</summary>
    public required int TaskItems { get; init; }

    /// <summary>Hashes of what the outcome depends on.</summary>
    public required RunHashes Hashes { get; init; }

    /// <summary>Every answer's outcome, in the order of the task's items.</summary>
    public required IReadOnlyList<ItemOutcome> Items { get; init; }

    /// <summary>When the first and the last answer were complete.</summary>
    public DateTimeOffset? Began { get; init; }

    /// <inheritdoc cref="Began"/>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>
    /// The 95 % interval of pass@1: clustered by source problem and kept between 0 and 1; Wilson's on the clusters where all have the same mean,
    /// because then nothing varies and the former would have no width. With several answers to an item it is at no end narrower than Wilson's on the answers:
    /// were each a coin of its own, their means would vary by that much.
    /// </summary>
    public Interval Interval()
    {
        var byItem = Items.GroupBy(i => i.Id).Select(g => (Mean: g.Average(i => i.Passed ? 1.0 : 0), g.First().Cluster)).ToList();
        var clusters = byItem.Select(i => i.Cluster).Distinct().Count();
        if (byItem.All(i => i.Mean == byItem[0].Mean))
            return Bounded(Proportions.Wilson(byItem[0].Mean * clusters, clusters));
        var clustered = ClusteredMean.Of([.. byItem.Select(i => i.Mean)], [.. byItem.Select(i => i.Cluster)]);
        return Bounded(byItem.All(i => i.Mean is 0 or 1) ? clustered.Interval() : clustered.Interval().And(Proportions.Wilson(clustered.Mean * Items.Count, Items.Count)));

        static Interval Bounded(Interval interval) => new(Math.Max(0, interval.Low), Math.Min(1, interval.High));
    }

    /// <summary>Answers that are none, or not whole: all of them are judged as they are, most as wrong.</summary>
    public int Count(AnswerEnding ending) => Items.Count(i => i.Ending == ending);

    /// <summary>The same in words: "2 empty, 1 cut off"; empty where there is none.</summary>
    public string Endings() => string.Join(", ", new (AnswerEnding Ending, string Word)[] { (AnswerEnding.Empty, "empty"), (AnswerEnding.CutOff, "cut off"), (AnswerEnding.Refused, "refused") }
        .Where(e => Count(e.Ending) > 0).Select(e => $"{Count(e.Ending)} {e.Word}"));

    /// <summary>Its verdicts alone.</summary>
    public Score Score => new(Task, [.. Items.Select(i => new ItemScore(i.Id, i.Sample, i.Passed, i.Reason))]);
}

/// <summary>SHA-256 of what a result depends on, in hexadecimal.</summary>
/// <param name="Data">The task's data file as it lies on the disk, or the items that ship.</param>
/// <param name="Prompts">All prompts, by their hashes, in the order of the items.</param>
/// <param name="Harness">The version of this library, with the commit it was built from.</param>
public sealed record RunHashes(string Data, string Prompts, string Harness);

/// <summary>How an answer ended that is none, or not whole.</summary>
public enum AnswerEnding
{
    /// <summary>Nothing was written, or nothing after a thought.</summary>
    Empty,

    /// <summary>It reached the most tokens of an answer, or of the context.</summary>
    CutOff,

    /// <summary>The model, or the service's filter, would not.</summary>
    Refused,
}

/// <summary>One answer's outcome.</summary>
/// <param name="Id">The item.</param>
/// <param name="Cluster">The source problem it stems from; standard errors are clustered by it.</param>
/// <param name="Sample">Which of the item's answers, from 0.</param>
/// <param name="Passed">Whether it is right.</param>
/// <param name="Reason">What was seen.</param>
/// <param name="PromptHash">SHA-256 of what the model was shown.</param>
/// <param name="AnswerHash">SHA-256 of all it wrote.</param>
public sealed record ItemOutcome(string Id, string Cluster, int Sample, bool Passed, string Reason, string PromptHash, string AnswerHash)
{
    /// <summary>How an answer ended that is none, or not whole; null for one that is.</summary>
    public AnswerEnding? Ending { get; init; }

    /// <summary>See <see cref="TranscriptEntry.PromptTokens"/>.</summary>
    public int? PromptTokens { get; init; }

    /// <summary>See <see cref="TranscriptEntry.AnswerTokens"/>.</summary>
    public int? AnswerTokens { get; init; }

    /// <summary>Characters (UTF-16 code units) the model wrote.</summary>
    public int AnswerCharacters { get; init; }

    /// <summary>See <see cref="TranscriptEntry.Seconds"/>.</summary>
    public double Seconds { get; init; }

    /// <summary>See <see cref="TranscriptEntry.Cost"/>.</summary>
    public decimal? Cost { get; init; }

    /// <summary>See <see cref="TranscriptEntry.Joules"/>.</summary>
    public double? Joules { get; init; }

    /// <summary>See <see cref="TranscriptEntry.EnergyOf"/>.</summary>
    public string? EnergyOf { get; init; }

    /// <summary>See <see cref="TranscriptEntry.PeakMemoryBytes"/>.</summary>
    public long? PeakMemoryBytes { get; init; }
}
