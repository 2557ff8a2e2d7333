namespace Banyan.Client;

/// <summary>What to push and where.</summary>
/// <param name="Source">A folder, or one file.</param>
/// <param name="Repo">The repo; created if missing.</param>
public sealed record PushRequest(string Source, RepoId Repo)
{
    /// <summary>The branch; created if missing.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>Whether a newly created repo is private.</summary>
    public bool Private { get; init; }

    /// <summary>The commit's first line.</summary>
    public string Message { get; init; } = "Upload with banyan";

    /// <summary>
    /// Maximum concurrent requests of up to 64 MB each; memory holds one more. Two keep a link busy that one leaves idle between responses.
    /// </summary>
    public int Parallel { get; init; } = 2;

    /// <summary>Send chunks if the hub accepts them; false always sends whole files.</summary>
    public bool UseChunks { get; init; } = true;
}

/// <summary>The result of a push.</summary>
/// <param name="Files">Files in the folder.</param>
/// <param name="Changed">Files that were new or changed on the hub.</param>
/// <param name="Bytes">Bytes of the changed files.</param>
/// <param name="Uploaded">Bytes of chunks or files that were sent; the rest already existed.</param>
/// <param name="Commit">The new commit, or null if nothing changed.</param>
/// <param name="CommitUrl">Its page.</param>
public sealed record PushResult(int Files, int Changed, long Bytes, long Uploaded, string? Commit, string? CommitUrl);
