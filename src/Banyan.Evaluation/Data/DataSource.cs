namespace Banyan.Evaluation.Data;

/// <summary>A data file of a task, where it comes from and what its bytes are. The address names a commit or a release, so that the bytes stay.</summary>
/// <param name="File">The name under which it is kept.</param>
/// <param name="Address">Where it is fetched from.</param>
/// <param name="Sha256">Its SHA-256, in hexadecimal; of a folder, that of what is used of it (<see cref="FolderHash"/>).</param>
/// <param name="Bytes">Its length; of a folder, that of all files that are used.</param>
/// <param name="Licence">Its licence and who made it.</param>
public sealed record DataSource(string File, Uri Address, string Sha256, long Bytes, string Licence)
{
    /// <summary>
    /// Where the source is a repository's archive (<c>.tar.gz</c>), kept as a folder: whether a path in it is used. The archive's own bytes are not pinned, for
    /// services that pack a commit do so anew now and then, with other bytes; the files that are used are.
    /// </summary>
    public Func<string, bool>? Uses { get; init; }
}
