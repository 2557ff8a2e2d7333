using System.IO.Pipelines;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Git;

namespace Banyan.Server.Viewer;

/// <summary>Reads ranges of a file for one request, and no more bytes in all than one request may cost.</summary>
/// <param name="size">Bytes of the file.</param>
/// <param name="most">Bytes that may be read in all.</param>
/// <param name="read">Fills the memory with the bytes from an offset on.</param>
sealed class FileBytes(long size, long most, Func<long, Memory<byte>, CancellationToken, Task> read)
{
    const long MostWalked = 300_000_000;

    readonly long _most = most;
    long _left = most, _walked;

    /// <summary>Bytes of the file.</summary>
    public long Size => size;

    /// <summary>Bytes that may still be read.</summary>
    public long Left => _left;

    /// <summary>Counts values that are walked over: runs of equal ones cost no bytes, and many pages of them much time.</summary>
    /// <exception cref="ViewerException">They are more than one request may cost.</exception>
    public void Walk(long values)
    {
        if ((_walked += values) > MostWalked)
            throw new ViewerException(
                $"To show this, more than {MostWalked / 1_000_000} million values would have to be passed over. Download the file, or save it with smaller pages.");
    }

    /// <summary>Reads exactly so many bytes.</summary>
    /// <exception cref="ViewerException">They are outside of the file, or are more than one request may cost.</exception>
    public async Task<byte[]> ReadAsync(long offset, int length, CancellationToken cancellationToken)
    {
        if (offset < 0 || length < 0 || offset > size - length)
            throw new ViewerException($"The file says that {length} bytes lie at {offset}, but it has {size}: it is damaged or truncated.");
        if ((_left -= length) < 0)
            throw new ViewerException(
                $"To show this, more than {_most >> 20} MiB of the file would have to be read. Download the file, or save it with smaller pages.");
        var bytes = GC.AllocateUninitializedArray<byte>(length);
        await read(offset, bytes, cancellationToken);
        return bytes;
    }
}

/// <summary>Opens the files of repositories for <see cref="FileBytes"/>, whether git holds them or the object store does.</summary>
sealed class FileOpener(HeldFiles held, ContentStore contents, GitObjects objects)
{
    /// <summary>Null if the file was never uploaded.</summary>
    public async Task<FileBytes?> OpenAsync(long repo, RepoEntry entry, long most, CancellationToken cancellationToken)
    {
        if (entry.Lfs is not { } lfs)
        {
            var blob = await objects.GetAsync(repo, entry.Id, GitKind.Blob, cancellationToken);
            return new(blob.Length, most, (offset, into, _) =>
            {
                blob.AsMemory((int)offset, into.Length).CopyTo(into);
                return Task.CompletedTask;
            });
        }
        if (await held.FindAsync(repo, lfs.Sha256, cancellationToken) is not { } file)
            return null;
        var large = await held.OpenAsync(file, cancellationToken);
        return new(file.Size, most, async (offset, into, ct) =>
        {
            var target = new MemoryWriter(into);
            if (into.Length > 0)
                await contents.WriteToAsync(large, offset, into.Length, target, ct);
            if (target.Written != into.Length)
                throw new InvalidDataException($"The content {file.Sha256} ended early: run banyan fsck.");
        });
    }

    /// <summary>Writes into memory that is there already.</summary>
    sealed class MemoryWriter(Memory<byte> memory) : PipeWriter
    {
        byte[]? _beyond;

        public int Written { get; private set; }

        public override Memory<byte> GetMemory(int sizeHint = 0) =>
            memory.Length - Written >= Math.Max(1, sizeHint) ? memory[Written..] : _beyond = new byte[Math.Max(1, sizeHint)];

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void Advance(int bytes)
        {
            if (_beyond is { } beyond)
                beyond.AsSpan(0, bytes).CopyTo(memory.Span[Written..]);
            (_beyond, Written) = (null, Written + bytes);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
            new(new FlushResult(false, false));

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}
