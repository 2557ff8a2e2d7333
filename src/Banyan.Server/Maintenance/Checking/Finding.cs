namespace Banyan.Server.Maintenance.Checking;

/// <summary>A problem, or something worth knowing.</summary>
/// <param name="Damage">False: worth knowing, nothing is lost.</param>
/// <param name="Subject">What it is about: a repository, an object, a large file.</param>
/// <param name="Problem">What is wrong.</param>
/// <param name="Remedy">What to do.</param>
public sealed record Finding(bool Damage, string Subject, string Problem, string Remedy);

/// <summary>What is checked.</summary>
public sealed record CheckOptions
{
    /// <summary>The share of repositories, large files and xorbs that is looked at: 1 for all.</summary>
    public double Sample { get; init; } = 1;

    /// <summary>The most bytes read a second, or null.</summary>
    public long? MaxBytesPerSecond { get; init; }

    /// <summary>Looks for objects that no row knows as well.</summary>
    public bool Unrecorded { get; init; } = true;

    /// <summary>Chooses the sample.</summary>
    public int Seed { get; init; } = Random.Shared.Next();
}

/// <summary>What a check looked at and found.</summary>
public sealed record CheckReport
{
    /// <summary>Repositories, all of whose git objects were read.</summary>
    public long Repos { get; set; }

    /// <summary>Git objects whose ids were computed again.</summary>
    public long GitObjects { get; set; }

    /// <summary>Xorbs that were read whole.</summary>
    public long Xorbs { get; set; }

    /// <summary>Large files that were put together and hashed.</summary>
    public long Contents { get; set; }

    /// <summary>Bytes read and hashed.</summary>
    public long Bytes { get; set; }

    /// <summary>What was found.</summary>
    public List<Finding> Findings { get; } = [];

    /// <summary>Nothing is lost or damaged.</summary>
    public bool Clean => !Findings.Exists(f => f.Damage);
}

/// <summary>The progress of a check.</summary>
/// <param name="Phase">The current phase.</param>
/// <param name="Done">Bytes read so far.</param>
/// <param name="Total">Bytes to read.</param>
public readonly record struct CheckProgress(string Phase, long Done, long Total);
