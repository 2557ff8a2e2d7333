namespace Banyan.Training.Data;

/// <summary>How samples longer than a sequence are handled.</summary>
public enum TooLong
{
    /// <summary>Truncated; dropped if no target remains.</summary>
    Cut,

    /// <summary>Dropped.</summary>
    Skip,

    /// <summary>The data are rejected.</summary>
    Stop,
}

/// <summary>Which data to train on, and how to read them.</summary>
/// <param name="Path">A file, a folder of files, or a folder of source code.</param>
public sealed record DataOptions(string Path)
{
    /// <summary>The held-out data; null to split off part of the training data.</summary>
    public string? HeldOutPath { get; init; }

    /// <summary>The records' format; null to infer it from the first record.</summary>
    public DataFormat? Format { get; init; }

    /// <summary>Maximum tokens of a sample.</summary>
    public int MaxTokens { get; init; } = 1024;

    /// <summary>The fraction of records to hold out.</summary>
    public double HeldOutShare { get; init; } = 0.05;

    /// <summary>Skip and count records that cannot be used; otherwise the first one is an error.</summary>
    public bool SkipBad { get; init; }

    /// <summary>How longer samples are handled.</summary>
    public TooLong TooLong { get; init; } = TooLong.Cut;

    /// <summary>For source code: the fraction of fill-in-the-middle excerpts.</summary>
    public double Fim { get; init; }

    /// <summary>Of these, the fraction with the suffix first.</summary>
    public double Spm { get; init; }

    /// <summary>
    /// Whether the text of a special token in plain text and completions is encoded as that token, as in text that was rendered with a
    /// template.
    /// </summary>
    public bool ParseSpecial { get; init; }

    /// <summary>Seed of the positions of holes in source code.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Validates all options.</summary>
    /// <exception cref="ArgumentException">Options are out of range; the message lists all of them.</exception>
    public void Validate()
    {
        var wrong = new List<string>();
        if (MaxTokens < 8)
            wrong.Add($"MaxTokens is {MaxTokens}: at least 8");
        foreach (var (name, share, most) in ((string, double, double)[])[("HeldOutShare", HeldOutShare, 0.9),
            ("Fim", Fim, 1), ("Spm", Spm, 1)])
            if (!(share >= 0 && share <= most))
                wrong.Add($"{name} is {share}: between 0 and {most}");
        if (wrong.Count > 0)
            throw new ArgumentException(string.Join("; ", wrong));
    }
}
