namespace Banyan.Training;

/// <summary>A text to learn from, as tokens.</summary>
/// <param name="Tokens">All of it, from the first token of its sequence on.</param>
/// <param name="Targets">
/// One a token: whether it is predicted from those before it and counts in the loss. That of the first token has no effect: nothing is
/// before it.
/// </param>
public sealed record Sample(int[] Tokens, bool[] Targets);

/// <summary>Two answers to the same prompt, of which one is preferred.</summary>
/// <param name="Chosen">The prompt and the preferred answer; the answer's tokens are the targets.</param>
/// <param name="Rejected">The same prompt and the other answer.</param>
public sealed record PreferencePair(Sample Chosen, Sample Rejected);

/// <summary>What a run learns from and is measured on. A list may read its items from a disk: they are asked for by index, several times.</summary>
public sealed record TrainingData
{
    /// <summary>Samples to learn from; empty where the data are pairs.</summary>
    public IReadOnlyList<Sample> Samples { get; init; } = [];

    /// <summary>Samples that are held out: never learned from.</summary>
    public IReadOnlyList<Sample> HeldOut { get; init; } = [];

    /// <summary>Pairs to learn from; empty where the data are samples.</summary>
    public IReadOnlyList<PreferencePair> Pairs { get; init; } = [];

    /// <summary>Pairs that are held out.</summary>
    public IReadOnlyList<PreferencePair> HeldOutPairs { get; init; } = [];
}
