namespace Banyan.Client;

/// <summary>What to pull and where to.</summary>
/// <param name="Repo">The repo.</param>
public sealed record PullRequest(RepoId Repo)
{
    /// <summary>Branch, tag, commit or <c>refs/pr/N</c>.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>Names or patterns (<c>*</c> and <c>?</c>; <c>folder/</c> for all below) of the files; all when empty.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The cache.</summary>
    public HubCache Cache { get; init; } = HubCache.Default;

    /// <summary>A folder that gets the files themselves instead of links in the cache, or null.</summary>
    public string? Folder { get; init; }

    /// <summary>Requests at a time.</summary>
    public int Parallel { get; init; } = 8;

    /// <summary>Fetch chunks where the hub offers that; false always takes whole files.</summary>
    public bool UseChunks { get; init; } = !(Environment.GetEnvironmentVariable("HF_HUB_DISABLE_XET") is "1" or "true" or "TRUE" or "True" or "ON" or "on" or "YES" or "yes");

    /// <summary>Whether a file is asked for.</summary>
    public bool Wants(string path) => Files.Count == 0 || Files.Any(f => IsMatch(f, path));

    static bool IsMatch(string pattern, string path) =>
        pattern == path || System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern.EndsWith('/') ? pattern + "*" : pattern, path, ignoreCase: false);
}

/// <summary>A pulled file.</summary>
/// <param name="File">What it is.</param>
/// <param name="LocalPath">Where it is.</param>
/// <param name="WasHere">It was there before.</param>
public sealed record PulledFile(RepoFile File, string LocalPath, bool WasHere);

/// <summary>What a pull came to.</summary>
/// <param name="Commit">The commit that the revision is at.</param>
/// <param name="Folder">The folder with the files.</param>
/// <param name="Files">The files that are whole.</param>
/// <param name="IsComplete">False: the limit of bytes was reached before everything was here; pulling again continues.</param>
/// <param name="Left">Bytes that are still missing.</param>
public sealed record PullResult(string Commit, string Folder, IReadOnlyList<PulledFile> Files, bool IsComplete, long Left);

/// <summary>How far a transfer is.</summary>
/// <param name="Files">All files.</param>
/// <param name="FilesDone">Files that are whole.</param>
/// <param name="Bytes">Bytes of all files.</param>
/// <param name="BytesDone">Bytes that are in their place, wherever they came from.</param>
/// <param name="BytesReused">Of those, bytes that did not have to cross the network.</param>
public readonly record struct TransferProgress(int Files, int FilesDone, long Bytes, long BytesDone, long BytesReused)
{
    /// <summary>Bytes of large files that are to be read and hashed before they are sent; 0 where nothing is pushed.</summary>
    public long BytesToHash { get; init; }

    /// <summary>Of those, bytes that were.</summary>
    public long BytesHashed { get; init; }
}
