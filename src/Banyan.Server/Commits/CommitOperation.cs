using Banyan.Server.Content;

namespace Banyan.Server.Commits;

/// <summary>One change of a commit.</summary>
/// <param name="Path">The file or folder, checked.</param>
abstract record CommitOperation(string Path)
{
    /// <summary>A small file, whose bytes are in the spool.</summary>
    public sealed record File(string Path, long Offset, int Length) : CommitOperation(Path);

    /// <summary>A large file, whose bytes came before.</summary>
    /// <param name="Path">The file.</param>
    /// <param name="Sha256">Its SHA-256.</param>
    /// <param name="Size">Its length as the client believes, or null.</param>
    public sealed record Large(string Path, Sha256 Sha256, long? Size) : CommitOperation(Path);

    /// <summary>Deletes a file or a folder: clients do not always know which it is.</summary>
    public sealed record DeleteFile(string Path) : CommitOperation(Path);

    /// <summary>Deletes a folder with its contents.</summary>
    public sealed record DeleteFolder(string Path) : CommitOperation(Path);
}

/// <summary>What a client wants committed.</summary>
/// <param name="Summary">First line of the message.</param>
/// <param name="Description">The rest of it.</param>
/// <param name="ParentCommit">The commit that the branch must be at, or null.</param>
/// <param name="Operations">In the order in which they came.</param>
sealed record CommitRequest(string Summary, string Description, string? ParentCommit, IReadOnlyList<CommitOperation> Operations)
{
    public string Message => Description.Length > 0 ? $"{Summary}\n\n{Description}" : Summary;
}
