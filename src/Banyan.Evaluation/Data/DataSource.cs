namespace Banyan.Evaluation.Data;

/// <summary>A data file of a task, its source and its hash. The address names a commit or a release, so the bytes do not change.</summary>
/// <param name="File">The name under which it is stored.</param>
/// <param name="Address">Where it is fetched from.</param>
/// <param name="Sha256">Its SHA-256, in hexadecimal; for a folder, the hash of the files used (<see cref="FolderHash"/>).</param>
/// <param name="Bytes">Its length; for a folder, the total length of the files used.</param>
/// <param name="Licence">Its licence and who made it.</param>
public sealed record DataSource(string File, Uri Address, string Sha256, long Bytes, string Licence)
{
    /// <summary>
    /// For a repository's archive (<c>.tar.gz</c>), stored as a folder: whether a path in it is used. The archive's own bytes are not
    /// pinned, since services occasionally repack a commit with different bytes; the files used are.
    /// </summary>
    public Func<string, bool>? Uses { get; init; }
}
