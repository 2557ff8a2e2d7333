namespace Banyan.Evaluation.Data;

/// <summary>A data file of a task, where it comes from and what its bytes are. The address names a commit or a release, so that the bytes stay.</summary>
/// <param name="File">The name under which it is kept.</param>
/// <param name="Address">Where it is fetched from.</param>
/// <param name="Sha256">Its SHA-256, in hexadecimal.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Licence">Its licence and who made it.</param>
public sealed record DataSource(string File, Uri Address, string Sha256, long Bytes, string Licence);
