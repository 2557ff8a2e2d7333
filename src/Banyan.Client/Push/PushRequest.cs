namespace Banyan.Client;

/// <summary>What to push and where to.</summary>
/// <param name="Source">A folder, or one file.</param>
/// <param name="Repo">The repo; made where it is missing.</param>
public sealed record PushRequest(string Source, RepoId Repo)
{
    /// <summary>The branch; made where it is missing.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>Whether a repo that is made is private.</summary>
    public bool Private { get; init; }

    /// <summary>The commit's first line.</summary>
    public string Message { get; init; } = "Upload with banyan";

    /// <summary>Requests at a time, of up to 64 MB each; memory is one more than that. Two keep a line full that one alone leaves idle between answers.</summary>
    public int Parallel { get; init; } = 2;

    /// <summary>Send chunks where the hub takes them; false always sends whole files.</summary>
    public bool UseChunks { get; init; } = true;
}

/// <summary>What a push came to.</summary>
/// <param name="Files">Files in the folder.</param>
/// <param name="Changed">Files that the hub did not have like this.</param>
/// <param name="Bytes">Bytes of the changed files.</param>
/// <param name="Uploaded">Bytes of chunks or files that had to be sent; the rest was there already.</param>
/// <param name="Commit">The new commit, or null where nothing had changed.</param>
/// <param name="CommitUrl">Its page.</param>
public sealed record PushResult(int Files, int Changed, long Bytes, long Uploaded, string? Commit, string? CommitUrl);
