namespace Banyan.Training;

/// <summary>Facts for the model card that the trainer does not know.</summary>
/// <param name="BaseName">The base's name or path by which others find it.</param>
/// <param name="Data">What it was trained on.</param>
public sealed record CardFacts(string BaseName, string Data)
{
    /// <summary>The base's revision.</summary>
    public string? Revision { get; init; }

    /// <summary>The teacher, if the run distilled one.</summary>
    public string? Teacher { get; init; }

    /// <summary>The data's repo on a hub, <c>owner/name</c>, if any.</summary>
    public string? DataRepo { get; init; }
}

/// <summary>The files written, and how closely they reproduce the trainer.</summary>
/// <param name="Files">Names of the files.</param>
/// <param name="LargestDifference">
/// Of −ln p of the tokens of a text, between the runtime with what was read back and the trainer, in nats.
/// </param>
/// <param name="Comparison">Held-out samples under the base and the tuned model.</param>
public sealed record WrittenFolder(IReadOnlyList<string> Files, double LargestDifference, HeldOutComparison? Comparison);
