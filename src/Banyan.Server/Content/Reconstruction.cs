using System.Buffers;
using System.IO.Pipelines;
using Banyan.Chunks;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Content;

/// <summary>
/// Puts a range of a file together from the chunks that hold it: one ranged read an object, chunks decompressed straight into the answer.
/// </summary>
sealed class Reconstruction(XorbIndex index, IObjectStore objects)
{
    // What is asked for at a time is within a connection's block: more would be memory of its own, and as much again, for as long as
    // somebody reads slowly.
    const int FlushBytes = 1 << 16, PieceBytes = 1 << 14;

    // Its buffers are of the thread: who reads slowly holds none.
    [ThreadStatic]
    static ChunkCodec? t_codec;

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
        await using var stored = await objects.OpenAsync(XorbIndex.ObjectKey(layout.Hash), begin,
            layout.Chunks[end - 1].End - begin, cancellationToken)
            ?? throw new InvalidDataException($"Object {XorbIndex.ObjectKey(layout.Hash)} is missing: run banyan fsck.");
        // Each read takes a chunk's bytes and the next one's header: what is stored as it is goes into the answer without a copy.
        var header = new byte[ChunkHeader.Size];
        await ReadAsync(stored, header, layout, first, cancellationToken);
        for (var chunk = first; chunk < end; chunk++)
        {
            var (storedLength, length) = ((int)(layout.Chunks[chunk].End - layout.Start(chunk)) - ChunkHeader.Size,
                (int)layout.RawLengthOf(chunk));
            var head = ChunkHeader.Read(header);
            if (head.Length != length || head.StoredLength != storedLength)
                throw new InvalidDataException(
                    $"Object {XorbIndex.ObjectKey(layout.Hash)}, chunk {chunk}: not what was stored; run banyan fsck.");
            var (skip, take) = ((int)Math.Max(0, from - at), (int)Math.Min(length, to - at));
            var next = chunk + 1 < end ? ChunkHeader.Size : 0;
            if (head.Compression == Compression.None && skip == 0 && take == length)
            {
                for (var left = storedLength; left > 0;)
                {
                    var memory = destination.GetMemory(Math.Min(left, PieceBytes));
                    var withNext = memory.Length >= left + next;
                    var piece = Math.Min(left, memory.Length);
                    await ReadAsync(stored, memory[..(withNext ? left + next : piece)], layout, chunk, cancellationToken);
                    if (withNext)
                    {
                        memory.Span.Slice(left, next).CopyTo(header);
                        next = 0;
                    }
                    destination.Advance(piece);
                    left -= piece;
                    if (await IsOverAsync(piece, destination, cancellationToken))
                        return;
                }
                if (next > 0)
                    await ReadAsync(stored, header, layout, chunk, cancellationToken);
            }
            else
            {
                await PartAsync(head, stored, storedLength, skip, take, header.AsMemory(0, next), layout, chunk,
                    destination, cancellationToken);
                if (await IsOverAsync(take - skip, destination, cancellationToken))
                    return;
            }
            at += length;
        }
    }

    /// <summary>Sends what has gathered; whether nobody reads any more.</summary>
    async ValueTask<bool> IsOverAsync(int written, PipeWriter destination, CancellationToken cancellationToken)
    {
        _unflushed += written;
        if (_unflushed < FlushBytes)
            return false;
        _unflushed = 0;
        return (await destination.FlushAsync(cancellationToken)).IsCompleted;
    }

    static async ValueTask ReadAsync(Stream stored, Memory<byte> bytes, XorbLayout layout, int chunk, CancellationToken cancellationToken)
    {
        if (await stored.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken) < bytes.Length)
            throw new InvalidDataException($"Object {XorbIndex.ObjectKey(layout.Hash)} ends inside chunk {chunk}: run banyan fsck.");
    }

    /// <summary>
    /// A chunk that is compressed, or a part of one, goes by way of buffers, which are given back before the answer waits for its reader.
    /// </summary>
    async ValueTask PartAsync(ChunkHeader head, Stream stored, int storedLength, int skip, int take, Memory<byte> next, XorbLayout layout,
        int chunk, PipeWriter destination, CancellationToken cancellationToken)
    {
        var (bytes, raw) = (ArrayPool<byte>.Shared.Rent(storedLength + next.Length), ArrayPool<byte>.Shared.Rent(head.Length));
        try
        {
            await ReadAsync(stored, bytes.AsMemory(0, storedLength + next.Length), layout, chunk, cancellationToken);
            bytes.AsSpan(storedLength, next.Length).CopyTo(next.Span);
            (t_codec ??= new()).Decompress(head, bytes.AsSpan(0, storedLength), raw.AsSpan(0, head.Length));
            for (var at = skip; at < take;)
            {
                var memory = destination.GetMemory(Math.Min(take - at, PieceBytes));
                var piece = Math.Min(take - at, memory.Length);
                raw.AsMemory(at, piece).CopyTo(memory);
                destination.Advance(piece);
                at += piece;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
            ArrayPool<byte>.Shared.Return(raw);
        }
    }
}
