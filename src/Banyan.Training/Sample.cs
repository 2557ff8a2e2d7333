namespace Banyan.Training;

/// <summary>A text to learn from, as tokens.</summary>
/// <param name="Tokens">All of it, from the first token of its sequence on.</param>
/// <param name="Targets">
/// One a token: whether it is predicted from those before it and counts in the loss. That of the first token has no effect: nothing is
/// before it.
/// </param>
public sealed record Sample(int[] Tokens, bool[] Targets)
{
    /// <summary>What a teacher says of each target, in their order; null where only the tokens are learned.</summary>
    public TeacherTargets? Teacher { get; init; }
}

/// <summary>Two answers to the same prompt, for <see cref="TuneObjective.Dpo"/> and <see cref="TuneObjective.Orpo"/>.</summary>
/// <param name="Chosen">The prompt and the preferred answer; the answer's tokens are the targets.</param>
/// <param name="Rejected">The same prompt and the other answer.</param>
public sealed record PreferencePair(Sample Chosen, Sample Rejected);

/// <summary>
/// A teacher's distribution at each target of a sample: its likeliest tokens. What is left of the probability counts as one more outcome.
/// </summary>
/// <param name="Count">Tokens for each target.</param>
/// <param name="Tokens">[targets, count]</param>
/// <param name="LogProbabilities">[targets, count], natural logarithms at temperature 1.</param>
public sealed record TeacherTargets(int Count, int[] Tokens, float[] LogProbabilities);

/// <summary>What a run learns from and is measured on. A list may read its items from a disk: they are asked for by index, several times.</summary>
public sealed record TrainingData
{
    /// <summary>For <see cref="TuneObjective.Supervised"/> and <see cref="TuneObjective.Distill"/>.</summary>
    public IReadOnlyList<Sample> Samples { get; init; } = [];

    /// <summary>Held out: never learned from; the held-out loss is their mean loss a target token.</summary>
    public IReadOnlyList<Sample> HeldOut { get; init; } = [];

    /// <summary>For <see cref="TuneObjective.Dpo"/> and <see cref="TuneObjective.Orpo"/>.</summary>
    public IReadOnlyList<PreferencePair> Pairs { get; init; } = [];

    /// <summary>Pairs held out: the held-out loss of these objectives.</summary>
    public IReadOnlyList<PreferencePair> HeldOutPairs { get; init; } = [];
}
