using Banyan.Client.Cache;

namespace Banyan.Client.Pull;

/// <summary>Where pulled files go: <see cref="CacheTarget"/> or <see cref="FolderTarget"/>.</summary>
abstract class PullTarget
{
    /// <summary>The folder with the files.</summary>
    public abstract string Folder { get; }

    /// <summary>Where a file is when it is whole.</summary>
    public abstract string PathOf(RepoFile file);

    /// <summary>Where its bytes arrive.</summary>
    public abstract string PartOf(RepoFile file);

    /// <summary>The file whose lock keeps two processes from fetching the same.</summary>
    public abstract string LockOf(RepoFile file);

    /// <summary>Whether the file is there, whole; makes it visible where only its bytes are.</summary>
    public abstract Task<bool> IsThereAsync(RepoFile file, CancellationToken cancellationToken);

    /// <summary>Makes a verified file visible.</summary>
    public abstract void Place(RepoFile file, PartialFile bytes);

    /// <summary>Everything asked for is there.</summary>
    public virtual void Finish()
    {
    }

    protected static string Below(string folder, string path) => Path.Combine([folder, .. path.Split('/')]);
}
