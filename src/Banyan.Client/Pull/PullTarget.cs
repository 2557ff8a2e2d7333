using Banyan.Client.Cache;

namespace Banyan.Client.Pull;

/// <summary>Where pulled files go: <see cref="CacheTarget"/> or <see cref="FolderTarget"/>.</summary>
abstract class PullTarget
{
    /// <summary>The folder with the files.</summary>
    public abstract string Folder { get; }

    /// <summary>The path of a complete file.</summary>
    public abstract string PathOf(RepoFile file);

    /// <summary>The path of the partial file.</summary>
    public abstract string PartOf(RepoFile file);

    /// <summary>The lock file that keeps two processes from fetching the same file.</summary>
    public abstract string LockOf(RepoFile file);

    /// <summary>Whether the file is present and complete; makes it visible if only its bytes are present.</summary>
    public abstract Task<bool> IsThereAsync(RepoFile file, CancellationToken cancellationToken);

    /// <summary>Makes a verified file visible.</summary>
    public abstract void Place(RepoFile file, PartialFile bytes);

    /// <summary>Called when everything requested is present.</summary>
    public virtual void Finish()
    {
    }

    protected static string Below(string folder, string path) => Path.Combine([folder, .. path.Split('/')]);
}
