using Banyan.Server.Git;

namespace Banyan.Server.Files;

/// <summary>A file or folder of a revision.</summary>
/// <param name="Path">Its path from the root.</param>
/// <param name="Mode">git's mode.</param>
/// <param name="Id">git's id of the blob (for a large file, of its pointer) or folder.</param>
/// <param name="Size">Bytes of the file; 0 for folders.</param>
/// <param name="Lfs">The pointer, of a large file.</param>
sealed record RepoEntry(string Path, string Mode, GitId Id, long Size, LfsPointer? Lfs)
{
    public bool IsFolder => Mode == GitTreeEntry.Folder;

    /// <summary>What changes when the file does: SHA-256 of large files, git's id of others.</summary>
    public string ETag => Lfs?.Sha256.ToString() ?? Id.ToString();
}
