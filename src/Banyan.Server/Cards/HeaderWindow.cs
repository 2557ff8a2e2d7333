using System.IO.Pipelines;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Git;

namespace Banyan.Server.Cards;

/// <summary>Reads the first bytes of a repository's file, whether git holds it or the object store does.</summary>
sealed class HeaderWindow(HeldFiles held, ContentStore contents, GitObjects objects)
{
    /// <summary>
    /// Bytes from the file's beginning, as many as there are up to <paramref name="length"/>; null if the file was never uploaded.
    /// </summary>
    public async Task<byte[]?> ReadAsync(long repo, RepoEntry entry, long length, CancellationToken cancellationToken)
    {
        length = Math.Min(length, entry.Size);
        if (entry.Lfs is not { } lfs)
            return (await objects.GetAsync(repo, entry.Id, GitKind.Blob, cancellationToken))[..(int)length];
        if (await held.FindAsync(repo, lfs.Sha256, cancellationToken) is not { } file)
            return null;
        using var bytes = new MemoryStream((int)length);
        var writer = PipeWriter.Create(bytes, new StreamPipeWriterOptions(leaveOpen: true));
        await contents.WriteToAsync(await held.OpenAsync(file, cancellationToken), 0, Math.Min(length, file.Size),
            writer, cancellationToken);
        await writer.CompleteAsync();
        return bytes.ToArray();
    }
}
