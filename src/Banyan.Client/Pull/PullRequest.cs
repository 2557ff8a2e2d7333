namespace Banyan.Client;

/// <summary>What to pull and where.</summary>
/// <param name="Repo">The repo.</param>
public sealed record PullRequest(RepoId Repo)
{
    /// <summary>Branch, tag, commit or <c>refs/pr/N</c>.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>Names or patterns (<c>*</c> and <c>?</c>; <c>folder/</c> for all below) of the files; all when empty.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The cache.</summary>
    public HubCache Cache { get; init; } = HubCache.Default;

    /// <summary>A folder that receives the files themselves instead of links in the cache, or null.</summary>
    public string? Folder { get; init; }

    /// <summary>Maximum concurrent requests.</summary>
    public int Parallel { get; init; } = 8;

    /// <summary>Fetch chunks if the hub offers them; false always fetches whole files.</summary>
    public bool UseChunks { get; init; } =
        !(Environment.GetEnvironmentVariable("HF_HUB_DISABLE_XET") is "1" or "true" or "TRUE" or "True" or "ON" or "on" or "YES" or "yes");

    /// <summary>Whether a file is requested.</summary>
    public bool Wants(string path) => Files.Count == 0 || Files.Any(f => IsMatch(f, path));

    static bool IsMatch(string pattern, string path) =>
        pattern == path || System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern.EndsWith('/') ? pattern + "*" : pattern,
            path, ignoreCase: false);
}

/// <summary>A pulled file.</summary>
/// <param name="File">The file in the repo.</param>
/// <param name="LocalPath">Where it is.</param>
/// <param name="WasHere">Whether it was already present.</param>
public sealed record PulledFile(RepoFile File, string LocalPath, bool WasHere);

/// <summary>The result of a pull.</summary>
/// <param name="Commit">The commit of the revision.</param>
/// <param name="Folder">The folder with the files.</param>
/// <param name="Files">The complete files.</param>
/// <param name="IsComplete">False if the byte limit was reached first; pulling again resumes.</param>
/// <param name="Left">Bytes still missing.</param>
public sealed record PullResult(string Commit, string Folder, IReadOnlyList<PulledFile> Files, bool IsComplete, long Left);

/// <summary>The progress of a transfer.</summary>
/// <param name="Files">All files.</param>
/// <param name="FilesDone">Complete files.</param>
/// <param name="Bytes">Bytes of all files.</param>
/// <param name="BytesDone">Bytes in place, from any source.</param>
/// <param name="BytesReused">Of those, bytes that were not transferred over the network.</param>
public readonly record struct TransferProgress(int Files, int FilesDone, long Bytes, long BytesDone, long BytesReused)
{
    /// <summary>Bytes of large files to be read and hashed before upload; 0 unless pushing.</summary>
    public long BytesToHash { get; init; }

    /// <summary>Of those, bytes already hashed.</summary>
    public long BytesHashed { get; init; }
}
