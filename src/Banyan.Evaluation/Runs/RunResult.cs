using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Statistics;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Runs;

/// <summary>
/// One model on one task: every answer's outcome and everything it depends on. It contains nothing that depends on when it was computed, so
/// a run that was interrupted and resumed, or replayed from its transcript, has the same result.
/// </summary>
public sealed record RunResult
{
    /// <summary>The task's name.</summary>
    public required string Task { get; init; }

    /// <summary>The model reported as answering.</summary>
    public required string Model { get; init; }

    /// <summary>The requested model.</summary>
    public required string RequestedModel { get; init; }

    /// <summary>Where it was requested, and what the service says about the model; see <see cref="TranscriptEntry.Origin"/>.</summary>
    public string? Origin { get; init; }

    /// <summary>Settings that the service does not accept, so it used its own.</summary>
    public IReadOnlyList<string> NotAccepted { get; init; } = [];

    /// <summary>Configuration fingerprints reported by the service; several if it changed during the run.</summary>
    public IReadOnlyList<string> Fingerprints { get; init; } = [];

    /// <summary>The form of the prompts; see <see cref="TranscriptEntry.Prompt"/>.</summary>
    public required string Prompt { get; init; }

    /// <summary>How answers were drawn.</summary>
    public required SamplingSettings Sampling { get; init; }

    /// <summary>Answers per item.</summary>
    public required int SamplesPerItem { get; init; }

    /// <summary>Items of the task; more than were run if the run was limited.</summary>
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
    /// The 95 % interval of pass@1: clustered by source problem and kept between 0 and 1; Wilson's on the clusters if all have the same
    /// mean, because the former would then have zero width. With several answers per item it is never narrower than Wilson's on the
    /// answers, the variation of independent answers.
    /// </summary>
    public Interval Interval()
    {
        var byItem = Items.GroupBy(i => i.Id).Select(g => (Mean: g.Average(i => i.Passed ? 1.0 : 0), g.First().Cluster)).ToList();
        var clusters = byItem.Select(i => i.Cluster).Distinct().Count();
        if (byItem.All(i => i.Mean == byItem[0].Mean))
            return Bounded(Proportions.Wilson(byItem[0].Mean * clusters, clusters));
        var clustered = ClusteredMean.Of([.. byItem.Select(i => i.Mean)], [.. byItem.Select(i => i.Cluster)]);
        return Bounded(byItem.All(i => i.Mean is 0 or 1) ? clustered.Interval()
            : clustered.Interval().And(Proportions.Wilson(clustered.Mean * Items.Count, Items.Count)));

        static Interval Bounded(Interval interval) => new(Math.Max(0, interval.Low), Math.Min(1, interval.High));
    }

    /// <summary>Missing or incomplete answers: they are judged as they are, most as wrong.</summary>
    public int Count(AnswerEnding ending) => Items.Count(i => i.Ending == ending);

    /// <summary>The same in words: "2 empty, 1 cut off"; empty if there are none.</summary>
    public string Endings() =>
        string.Join(", ",
            new (AnswerEnding Ending, string Word)[] { (AnswerEnding.Empty, "empty"), (AnswerEnding.CutOff, "cut off"),
                (AnswerEnding.Refused, "refused") }
        .Where(e => Count(e.Ending) > 0).Select(e => $"{Count(e.Ending)} {e.Word}"));

    /// <summary>Its verdicts alone.</summary>
    public Score Score => new(Task, [.. Items.Select(i => new ItemScore(i.Id, i.Sample, i.Passed, i.Reason))]);
}

/// <summary>SHA-256 of what a result depends on, in hexadecimal.</summary>
/// <param name="Data">The task's data file on disk, or the items that ship.</param>
/// <param name="Prompts">All prompts, by their hashes, in the order of the items.</param>
/// <param name="Harness">The version of this library, with the commit it was built from.</param>
public sealed record RunHashes(string Data, string Prompts, string Harness);

/// <summary>Why an answer is missing or incomplete.</summary>
public enum AnswerEnding
{
    /// <summary>Empty, or nothing after the reasoning.</summary>
    Empty,

    /// <summary>It reached the token limit of an answer or the context.</summary>
    CutOff,

    /// <summary>Refused by the model or the service's filter.</summary>
    Refused,
}

/// <summary>One answer's outcome.</summary>
/// <param name="Id">The item.</param>
/// <param name="Cluster">The source problem it stems from; standard errors are clustered by it.</param>
/// <param name="Sample">Which of the item's answers, from 0.</param>
/// <param name="Passed">Whether it is right.</param>
/// <param name="Reason">The observed outcome.</param>
/// <param name="PromptHash">SHA-256 of what the model was shown.</param>
/// <param name="AnswerHash">SHA-256 of its full output.</param>
public sealed record ItemOutcome(string Id, string Cluster, int Sample, bool Passed, string Reason, string PromptHash, string AnswerHash)
{
    /// <summary>Why an answer is missing or incomplete; null if it is complete.</summary>
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
