namespace Banyan.Training.Data;

/// <summary>What was found in the data and how it was used; every record is counted once.</summary>
public sealed record DataReport
{
    /// <summary>The records' format.</summary>
    public required DataFormat Format { get; init; }

    /// <summary>Files read.</summary>
    public required int Files { get; init; }

    /// <summary>Records read, or files of source code.</summary>
    public required long Records { get; init; }

    /// <summary>Records skipped because they cannot be used.</summary>
    public required long Bad { get; init; }

    /// <summary>The first of these.</summary>
    public required IReadOnlyList<DataProblem> Problems { get; init; }

    /// <summary>Truncated samples.</summary>
    public required long Cut { get; init; }

    /// <summary>Samples dropped because they are too long or no target fits.</summary>
    public required long TooLong { get; init; }

    /// <summary>
    /// Records that occur more than once. They are kept, all on the same side of the split. Counted among the first million.
    /// </summary>
    public required long Duplicates { get; init; }

    /// <summary>Records dropped because they also occur in the held-out data.</summary>
    public required long AlsoHeldOut { get; init; }

    /// <summary>Training samples, or pairs.</summary>
    public required int Samples { get; init; }

    /// <summary>Held-out samples, or pairs.</summary>
    public required int HeldOut { get; init; }

    /// <summary>Tokens of all samples.</summary>
    public required long Tokens { get; init; }

    /// <summary>Of these, targets.</summary>
    public required long TargetTokens { get; init; }

    /// <summary>Tokens of the longest sample before truncation.</summary>
    public required int Longest { get; init; }

    /// <summary>For source code: near-duplicate files.</summary>
    public int NearDuplicates { get; init; }

    /// <summary>For source code: files that are generated, too large or binary.</summary>
    public int LeftOut { get; init; }

    /// <summary>For source code: licence files.</summary>
    public IReadOnlyList<string> Licences { get; init; } = [];

    /// <summary>The built-in template used if the model has none.</summary>
    public string? DefaultTemplate { get; init; }
}
