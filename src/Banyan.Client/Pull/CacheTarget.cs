using Banyan.Client.Cache;

namespace Banyan.Client.Pull;

/// <summary>The shared cache: bytes in <c>blobs/</c>, links to them in <c>snapshots/COMMIT/</c>.</summary>
sealed class CacheTarget(HubCache cache, RepoId repo, string revision, string commit) : PullTarget
{
    public override string Folder => cache.Snapshot(repo, commit);

    public override string PathOf(RepoFile file) => Below(Folder, file.Path);

    public override string PartOf(RepoFile file) => cache.Blob(repo, file.ETag) + ".banyan.incomplete";

    public override string LockOf(RepoFile file) => cache.LockFile(repo, file.ETag);

    public override Task<bool> IsThereAsync(RepoFile file, CancellationToken cancellationToken)
    {
        var blob = new FileInfo(cache.Blob(repo, file.ETag));
        if (blob.Exists && blob.Length == file.Size)
        {
            Link(file);
            return Task.FromResult(true);
        }
        // Where links cannot be made, other tools put the file itself there.
        var path = new FileInfo(PathOf(file));
        return Task.FromResult(path is { Exists: true, LinkTarget: null } && path.Length == file.Size);
    }

    public override void Place(RepoFile file, PartialFile bytes)
    {
        bytes.Publish(cache.Blob(repo, file.ETag));
        Link(file);
    }

    void Link(RepoFile file)
    {
        var (blob, path) = (cache.Blob(repo, file.ETag), PathOf(file));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var target = Path.GetRelativePath(Path.GetDirectoryName(path)!, blob);
        if (new FileInfo(path) is { LinkTarget: { } link, Exists: true } && link == target)
            return;
        var temporary = Path.Combine(Path.GetDirectoryName(path)!, $".{Guid.NewGuid():N}.tmp");
        try
        {
            File.CreateSymbolicLink(temporary, target);
        }
        catch (Exception e) when (OperatingSystem.IsWindows() && e is IOException or UnauthorizedAccessException)
        {
            // Without the right to make links the file itself takes the place, as in other tools.
            File.Move(blob, temporary);
        }
        File.Move(temporary, path, overwrite: true);
    }

    public override void Finish()
    {
        Directory.CreateDirectory(Folder);
        cache.SetRef(repo, revision, commit);
    }
}
