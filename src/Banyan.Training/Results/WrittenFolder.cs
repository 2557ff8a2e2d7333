namespace Banyan.Training;

/// <summary>What the model card says that the trainer does not know.</summary>
/// <param name="BaseName">The base's name or path, as others are to find it.</param>
/// <param name="Data">What it was trained on.</param>
public sealed record CardFacts(string BaseName, string Data)
{
    /// <summary>The base's revision.</summary>
    public string? Revision { get; init; }

    /// <summary>Whose distributions were learned, where a teacher's were.</summary>
    public string? Teacher { get; init; }

    /// <summary>The data's repo on a hub, <c>owner/name</c>, where it has one.</summary>
    public string? DataRepo { get; init; }
}

/// <summary>What was written, and how far what was read back is from the trainer.</summary>
/// <param name="Files">Their names.</param>
/// <param name="LargestDifference">
/// Of −ln p of the tokens of a text, between the runtime with what was read back and the trainer, in nats.
/// </param>
/// <param name="Comparison">What is held out, by the base and by what was trained.</param>
public sealed record WrittenFolder(IReadOnlyList<string> Files, double LargestDifference, HeldOutComparison? Comparison);
