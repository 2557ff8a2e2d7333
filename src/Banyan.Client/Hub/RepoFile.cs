using Banyan.Chunks;

namespace Banyan.Client;

/// <summary>A file of a repo at one commit.</summary>
/// <param name="Path">Its path in the repo, with <c>/</c>.</param>
/// <param name="Size">Bytes.</param>
/// <param name="BlobId">The git object id of its blob (of the pointer, for a large file).</param>
/// <param name="Sha256">SHA-256 of a large file's bytes, in hexadecimal.</param>
/// <param name="XetHash">The hash by which its chunks can be requested, if the hub offers that.</param>
public sealed record RepoFile(string Path, long Size, string BlobId, string? Sha256, XetHash? XetHash)
{
    /// <summary>The name of the bytes in the shared cache: SHA-256 for large files, the git object id otherwise.</summary>
    public string ETag => Sha256 ?? BlobId;
}
