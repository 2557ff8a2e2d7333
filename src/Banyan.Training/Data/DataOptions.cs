namespace Banyan.Training.Data;

/// <summary>What happens to a sample that is longer than a sequence.</summary>
public enum TooLong
{
    /// <summary>Its beginning is kept; where no target is left in it, it is left out.</summary>
    Cut,

    /// <summary>It is left out.</summary>
    Skip,

    /// <summary>The data is refused.</summary>
    Stop,
}

/// <summary>Which data is learned from, and how it is read.</summary>
/// <param name="Path">A file, a folder of files, or a folder of source code.</param>
public sealed record DataOptions(string Path)
{
    /// <summary>What is held out; null: a part of the data.</summary>
    public string? HeldOutPath { get; init; }

    /// <summary>What the records look like; null: as the first of them do.</summary>
    public DataFormat? Format { get; init; }

    /// <summary>Tokens of a sample.</summary>
    public int MaxTokens { get; init; } = 1024;

    /// <summary>The share of the records that is held out.</summary>
    public double HeldOutShare { get; init; } = 0.05;

    /// <summary>Records that cannot be learned from are left out and counted; otherwise any of them stops everything.</summary>
    public bool SkipBad { get; init; }

    /// <summary>What happens to longer samples.</summary>
    public TooLong TooLong { get; init; } = TooLong.Cut;

    /// <summary>Of source code: the share of excerpts with a hole to fill in.</summary>
    public double Fim { get; init; }

    /// <summary>Of these, the share with the suffix first.</summary>
    public double Spm { get; init; }

    /// <summary>Whether the text of a special token in plain text and completions is that token, as where a template was rendered before.</summary>
    public bool ParseSpecial { get; init; }

    /// <summary>Decides where source code has its holes.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentException">Some are out of range; the message lists all of them.</exception>
    public void Validate()
    {
        var wrong = new List<string>();
        if (MaxTokens < 8)
            wrong.Add($"MaxTokens is {MaxTokens}: at least 8");
        foreach (var (name, share, most) in ((string, double, double)[])[("HeldOutShare", HeldOutShare, 0.9), ("Fim", Fim, 1), ("Spm", Spm, 1)])
            if (!(share >= 0 && share <= most))
                wrong.Add($"{name} is {share}: between 0 and {most}");
        if (wrong.Count > 0)
            throw new ArgumentException(string.Join("; ", wrong));
    }
}
