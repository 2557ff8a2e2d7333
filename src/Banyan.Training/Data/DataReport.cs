namespace Banyan.Training.Data;

/// <summary>What was found in the data, and what became of it: every record is in one of these numbers.</summary>
public sealed record DataReport
{
    /// <summary>What the records look like.</summary>
    public required DataFormat Format { get; init; }

    /// <summary>Files read.</summary>
    public required int Files { get; init; }

    /// <summary>Records read; of source code, files.</summary>
    public required long Records { get; init; }

    /// <summary>Records left out as they cannot be learned from.</summary>
    public required long Bad { get; init; }

    /// <summary>The first of them.</summary>
    public required IReadOnlyList<DataProblem> Problems { get; init; }

    /// <summary>Samples that were cut.</summary>
    public required long Cut { get; init; }

    /// <summary>Samples left out as they are too long, or nothing of their answers fits.</summary>
    public required long TooLong { get; init; }

    /// <summary>Records that occur more than once; they stay, and are never on both sides. Counted among the first million.</summary>
    public required long Duplicates { get; init; }

    /// <summary>Records left out as they are also in what is held out.</summary>
    public required long AlsoHeldOut { get; init; }

    /// <summary>Samples, or pairs, that are learned from.</summary>
    public required int Samples { get; init; }

    /// <summary>Samples, or pairs, that are held out.</summary>
    public required int HeldOut { get; init; }

    /// <summary>Tokens of all samples.</summary>
    public required long Tokens { get; init; }

    /// <summary>Of these, targets.</summary>
    public required long TargetTokens { get; init; }

    /// <summary>Tokens of the longest sample before it was cut.</summary>
    public required int Longest { get; init; }

    /// <summary>Of source code: files that are mostly the same as another.</summary>
    public int NearDuplicates { get; init; }

    /// <summary>Of source code: files that are generated, too large or no text.</summary>
    public int LeftOut { get; init; }

    /// <summary>Of source code: files with the terms under which the rest may be used.</summary>
    public IReadOnlyList<string> Licences { get; init; } = [];

    /// <summary>A template of ours, where the model has none.</summary>
    public string? DefaultTemplate { get; init; }
}
