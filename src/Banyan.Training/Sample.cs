namespace Banyan.Training;

/// <summary>A training text as tokens.</summary>
/// <param name="Tokens">All its tokens.</param>
/// <param name="Targets"> For each token, whether it is predicted from those before it and counts in the loss. The first token's has no
/// effect. </param>
public sealed record Sample(int[] Tokens, bool[] Targets);

/// <summary>Two answers to one prompt, of which one is preferred.</summary>
/// <param name="Chosen">The prompt and the preferred answer; the answer's tokens are the targets.</param>
/// <param name="Rejected">The same prompt and the other answer.</param>
public sealed record PreferencePair(Sample Chosen, Sample Rejected);

/// <summary>What a run trains and evaluates on. Lists may read items from disk; items are accessed by index, repeatedly.</summary>
public sealed record TrainingData
{
    /// <summary>Training samples; empty if the data are pairs.</summary>
    public IReadOnlyList<Sample> Samples { get; init; } = [];

    /// <summary>Held-out samples, never trained on.</summary>
    public IReadOnlyList<Sample> HeldOut { get; init; } = [];

    /// <summary>Training pairs; empty if the data are samples.</summary>
    public IReadOnlyList<PreferencePair> Pairs { get; init; } = [];

    /// <summary>Held-out pairs.</summary>
    public IReadOnlyList<PreferencePair> HeldOutPairs { get; init; } = [];
}
