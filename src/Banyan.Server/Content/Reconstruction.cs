using System.Buffers;
using System.IO.Pipelines;
using Banyan.Chunks;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Content;

/// <summary>Puts a range of a file together from the chunks that hold it: one ranged read an object, chunks decompressed straight into the answer.</summary>
sealed class Reconstruction(XorbIndex index, IObjectStore objects) : IDisposable
{
    const int FlushBytes = 1 << 16;

    readonly ChunkCodec _codec = new();
    byte[]? _stored, _raw;   // only where chunks are compressed or taken in part: who reads slowly holds them as long
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
        // Each read takes a chunk's bytes and the next one's header: what is stored as it is goes into the answer without a copy.
        var header = new byte[ChunkHeader.Size];
        await ReadAsync(stored, header, layout, first, cancellationToken);
        for (var chunk = first; chunk < end; chunk++)
        {
            var (storedLength, length) = ((int)(layout.Chunks[chunk].End - layout.Start(chunk)) - ChunkHeader.Size, (int)layout.RawLengthOf(chunk));
            var head = ChunkHeader.Read(header);
            if (head.Length != length || head.StoredLength != storedLength)
                throw new InvalidDataException($"Object {XorbIndex.ObjectKey(layout.Hash)}, chunk {chunk}: not what was stored; run banyan fsck.");
            var (skip, take) = ((int)Math.Max(0, from - at), (int)Math.Min(length, to - at));
            var whole = head.Compression == Compression.None && skip == 0 && take == length;
            var read = storedLength + (chunk + 1 < end ? ChunkHeader.Size : 0);
            var bytes = whole ? destination.GetMemory(read)[..read] : (_stored ??= ArrayPool<byte>.Shared.Rent(Chunker.MaxLength + 1024 + ChunkHeader.Size)).AsMemory(0, read);
            await ReadAsync(stored, bytes, layout, chunk, cancellationToken);
            bytes.Span[storedLength..].CopyTo(header);
            if (whole)
                destination.Advance(length);
            else
                Append(head, bytes.Span[..storedLength], skip, take, destination);
            at += length;
            _unflushed += take - skip;
            if (_unflushed >= FlushBytes)
            {
                _unflushed = 0;
                if ((await destination.FlushAsync(cancellationToken)).IsCompleted)
                    return;
            }
        }
    }

    static async ValueTask ReadAsync(Stream stored, Memory<byte> bytes, XorbLayout layout, int chunk, CancellationToken cancellationToken)
    {
        if (await stored.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken) < bytes.Length)
            throw new InvalidDataException($"Object {XorbIndex.ObjectKey(layout.Hash)} ends inside chunk {chunk}: run banyan fsck.");
    }

    /// <summary>A whole chunk goes straight into the pipe's memory; a part goes by way of a buffer.</summary>
    void Append(ChunkHeader header, ReadOnlySpan<byte> stored, int from, int to, PipeWriter destination)
    {
        if (from == 0 && to == header.Length)
        {
            _codec.Decompress(header, stored, destination.GetSpan(to)[..to]);
            destination.Advance(to);
        }
        else
        {
            var raw = _raw ??= ArrayPool<byte>.Shared.Rent(Chunker.MaxLength);
            _codec.Decompress(header, stored, raw.AsSpan(0, header.Length));
            destination.Write(raw.AsSpan(from..to));
        }
    }

    public void Dispose()
    {
        if (_stored is not null)
            ArrayPool<byte>.Shared.Return(_stored);
        if (_raw is not null)
            ArrayPool<byte>.Shared.Return(_raw);
    }
}
