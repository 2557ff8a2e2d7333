namespace Banyan.Server.Maintenance.Collection;

/// <summary>Options of the collector.</summary>
public sealed record CollectionOptions
{
    /// <summary>The shortest grace period: an upload may take this long.</summary>
    public static readonly TimeSpan LeastGrace = TimeSpan.FromDays(1);

    /// <summary>
    /// How long unreachable data is kept after it was first seen to be unreachable. Clients may refer to a commit or file for weeks after
    /// its branch has moved on.
    /// </summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Only counts what would be removed now.</summary>
    public bool DryRun { get; init; }
}

/// <summary>What a collection removed, or would remove.</summary>
public sealed record CollectionReport
{
    /// <summary>Commits, folders and small files that no ref led to for the grace period.</summary>
    public long GitObjects { get; set; }

    /// <summary>Files that a repository was sent and never committed, or no longer has in any commit.</summary>
    public long Uploads { get; set; }

    /// <summary>Large files that no repository has.</summary>
    public long Contents { get; set; }

    /// <summary>Stored objects.</summary>
    public long Objects { get; set; }

    /// <summary>Their bytes.</summary>
    public long Bytes { get; set; }

    /// <summary>Unreachable git objects and large files that are still within their grace period.</summary>
    public long Waiting { get; set; }

    /// <summary>A backup is being made: nothing was removed from the object store.</summary>
    public bool Paused { get; set; }
}
