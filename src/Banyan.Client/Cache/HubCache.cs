namespace Banyan.Client;

/// <summary>
/// The on-disk cache shared with Hugging Face's tools: <c>models--owner--name/{blobs,snapshots,refs,.no_exist}</c>. A blob is a file's
/// bytes under its ETag; a snapshot is a commit's files as links to blobs; a ref is a file with a commit.
/// </summary>
/// <param name="folder">The folder that holds the repos' folders.</param>
public sealed class HubCache(string folder)
{
    /// <summary>The folder that holds the repos' folders.</summary>
    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary><c>HF_HUB_CACHE</c>, or <c>hub</c> in <see cref="Home"/>.</summary>
    public static HubCache Default =>
        new(Environment.GetEnvironmentVariable("HF_HUB_CACHE") is { Length: > 0 } set ? Expand(set) : Path.Combine(Home(), "hub"));

    /// <summary><c>HF_HOME</c>, or <c>huggingface</c> in <c>XDG_CACHE_HOME</c> or <c>~/.cache</c>.</summary>
    public static string Home()
    {
        if (Environment.GetEnvironmentVariable("HF_HOME") is { Length: > 0 } home)
            return Expand(home);
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } set ? Expand(set)
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(cache, "huggingface");
    }

    static string Expand(string path) => path == "~" || path.StartsWith("~/", StringComparison.Ordinal)
        ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + path[1..]
        : path;

    /// <summary>The folder of a commit's files, whether or not it exists.</summary>
    public string Snapshot(RepoId repo, string commit) => Path.Combine(Folder, repo.CacheFolder, "snapshots", commit);

    /// <summary>The commit of a revision when it was last pulled, or null.</summary>
    public string? CommitOf(RepoId repo, string revision)
    {
        if (Directory.Exists(Snapshot(repo, revision)))
            return revision;
        var file = Path.Combine(Folder, repo.CacheFolder, "refs", Path.Combine(revision.Split('/')));
        return File.Exists(file) && File.ReadAllText(file).Trim() is { Length: > 0 } commit
            && Directory.Exists(Snapshot(repo, commit)) ? commit : null;
    }

    internal string Blob(RepoId repo, string etag) => Path.Combine(Folder, repo.CacheFolder, "blobs", etag);

    internal string LockFile(RepoId repo, string etag) => Path.Combine(Folder, ".locks", repo.CacheFolder, $"{etag}.lock");

    /// <summary>Records the commit of a revision.</summary>
    internal void SetRef(RepoId repo, string revision, string commit)
    {
        if (revision == commit || !Hub.RepoPaths.IsSafe(revision))
            return;
        var file = Path.Combine(Folder, repo.CacheFolder, "refs", Path.Combine(revision.Split('/')));
        // git holds no branch beside one that its name leads through: what is in the way is of a branch that is gone.
        var refs = Path.Combine(Folder, repo.CacheFolder, "refs");
        for (var above = Path.GetDirectoryName(file)!; above.Length > refs.Length; above = Path.GetDirectoryName(above)!)
            if (File.Exists(above))
                File.Delete(above);
        if (Directory.Exists(file))
            Directory.Delete(file, recursive: true);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var temporary = Path.Combine(Folder, repo.CacheFolder, $".{Guid.NewGuid():N}.tmp");
        File.WriteAllText(temporary, commit);
        File.Move(temporary, file, overwrite: true);
    }

    /// <summary>Records that a commit has no such file, so that other tools need not request it.</summary>
    internal void SetMissing(RepoId repo, string commit, string path)
    {
        var file = Path.Combine(Folder, repo.CacheFolder, ".no_exist", commit, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, []);
    }
}
