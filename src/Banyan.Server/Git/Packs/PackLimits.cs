using Banyan.Server.Commits;

namespace Banyan.Server.Git.Packs;

/// <summary>The limits of a pushed pack.</summary>
sealed record PackLimits
{
    /// <summary>Bytes of the pack as it is sent.</summary>
    public const long MaxBytes = 2L << 30;

    /// <summary>Bytes of all its objects together, unpacked. They are on the disk while they are checked.</summary>
    public long Unpacked { get; init; } = 8L << 30;

    /// <summary>Objects.</summary>
    public int Objects { get; init; } = 1_000_000;

    /// <summary>Bytes of one object: what the commit API takes as well.</summary>
    public int Object { get; init; } = CommitReader.MaxFileBytes;
}
