using System.Buffers;
using System.IO.Pipelines;
using Banyan.Chunks;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Content;

/// <summary>Puts a range of a file together from the chunks that hold it: one ranged read an object, chunks decompressed straight into the answer.</summary>
sealed class Reconstruction(XorbIndex index, IObjectStore objects)
{
    const int ReadBytes = 1 << 20, FlushBytes = 1 << 18;

    readonly ChunkCodec _codec = new();
    int _unflushed;

    public async Task WriteAsync(LargeFile file, long offset, long length, PipeWriter destination, CancellationToken cancellationToken)
    {
        var (from, to, start) = (offset, offset + length, 0L);
        foreach (var term in file.Terms)
        {
            var end = start + term.RawLength;
            if (end > from && start < to)
                await WriteAsync(term, Math.Max(from, start) - start, Math.Min(to, end) - start, destination, cancellationToken);
            if ((start = end) >= to)
                break;
        }
        await destination.FlushAsync(cancellationToken);
    }

    /// <summary>Bytes <paramref name="from"/> to <paramref name="to"/> of a term.</summary>
    async Task WriteAsync(Term term, long from, long to, PipeWriter destination, CancellationToken cancellationToken)
    {
        var layout = await index.LayoutAsync(term.Xorb, cancellationToken);

        // Only the chunks that the range touches are read.
        var first = term.First;
        var at = 0L;   // where chunk `first` begins in the term
        for (; at + layout.RawLengthOf(first) <= from; first++)
            at += layout.RawLengthOf(first);
        var end = first;
        for (var reached = at; reached < to; end++)
            reached += layout.RawLengthOf(end);

        var begin = layout.Start(first);
        await using var stored = await objects.OpenAsync(XorbIndex.ObjectKey(layout.Hash), begin, layout.Chunks[end - 1].End - begin, cancellationToken)
            ?? throw new InvalidDataException($"Object {XorbIndex.ObjectKey(layout.Hash)} is missing: run banyan fsck.");
        var window = ArrayPool<byte>.Shared.Rent(ReadBytes);
        var raw = ArrayPool<byte>.Shared.Rent(Chunker.MaxLength);
        try
        {
            int filled = 0, read = 0;
            for (var chunk = first; chunk < end; chunk++)
            {
                var storedLength = (int)(layout.Chunks[chunk].End - layout.Start(chunk));
                if (filled - read < storedLength)
                {
                    window.AsSpan(read, filled - read).CopyTo(window);
                    (filled, read) = (filled - read, 0);
                    filled += await stored.ReadAtLeastAsync(window.AsMemory(filled, Math.Min(window.Length, ReadBytes) - filled), storedLength - filled, throwOnEndOfStream: false, cancellationToken);
                    if (filled < storedLength)
                        throw new InvalidDataException($"Object {XorbIndex.ObjectKey(layout.Hash)} ends inside chunk {chunk}: run banyan fsck.");
                }
                var length = (int)layout.RawLengthOf(chunk);
                var bytes = window.AsSpan(read, storedLength);
                var header = ChunkHeader.Read(bytes);
                if (header.Length != length || header.StoredLength != storedLength - ChunkHeader.Size)
                    throw new InvalidDataException($"Object {XorbIndex.ObjectKey(layout.Hash)}, chunk {chunk}: not what was stored; run banyan fsck.");
                Append(header, bytes[ChunkHeader.Size..], (int)Math.Max(0, from - at), (int)Math.Min(length, to - at), raw, destination);
                read += storedLength;
                at += length;
                if (_unflushed >= FlushBytes)
                {
                    _unflushed = 0;
                    await destination.FlushAsync(cancellationToken);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(window);
            ArrayPool<byte>.Shared.Return(raw);
        }
    }

    /// <summary>A whole chunk goes straight into the pipe's memory; a part goes by way of <paramref name="raw"/>.</summary>
    void Append(ChunkHeader header, ReadOnlySpan<byte> stored, int from, int to, byte[] raw, PipeWriter destination)
    {
        if (from == 0 && to == header.Length)
        {
            _codec.Decompress(header, stored, destination.GetSpan(to)[..to]);
            destination.Advance(to);
        }
        else
        {
            _codec.Decompress(header, stored, raw.AsSpan(0, header.Length));
            destination.Write(raw.AsSpan(from..to));
        }
        _unflushed += to - from;
    }
}
