namespace Banyan.Server.Maintenance.Collection;

/// <summary>What the collector may do.</summary>
public sealed record CollectionOptions
{
    /// <summary>The shortest grace period: an upload that is under way may last so long.</summary>
    public static readonly TimeSpan LeastGrace = TimeSpan.FromDays(1);

    /// <summary>
    /// How long what nothing leads to is kept from when that was first seen. Clients may name a commit or a file for weeks after a branch
    /// has left it.
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

    /// <summary>Whatever is unreached and waits for the end of its grace period: git objects and large files.</summary>
    public long Waiting { get; set; }

    /// <summary>A backup is being made: nothing was removed from the object store.</summary>
    public bool Paused { get; set; }
}
