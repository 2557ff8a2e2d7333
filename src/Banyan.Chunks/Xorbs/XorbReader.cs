using System.Collections.Immutable;

namespace Banyan.Chunks;

/// <summary>Reads untrusted xorbs: every hash and length is computed from the chunks' bytes.</summary>
public static class XorbReader
{
    /// <summary>
    /// Reads a serialized xorb, with or without a footer, decompresses every chunk and computes all hashes. It holds two chunks in
    /// memory. A footer must match what was computed.
    /// </summary>
    /// <param name="xorb">The xorb's bytes from its start; read to the end.</param>
    /// <param name="codec">Buffers.</param>
    /// <param name="stored">Receives a copy of the chunks as they are read (without the footer); may be null.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <param name="unpack">
    /// Decides from a compressed chunk's header and bytes whether the chunk is stored uncompressed; null if none is. A xorb's hash
    /// depends only on its chunks, however they are compressed. The returned layout describes the stored bytes.
    /// </param>
    /// <exception cref="InvalidDataException">Not a xorb, too large, or its footer does not match. The message says where.</exception>
    public static async Task<XorbLayout> ReadAsync(
        Stream xorb, ChunkCodec codec, Stream? stored = null, CancellationToken cancellationToken = default,
        Func<ChunkHeader, ReadOnlyMemory<byte>, bool>? unpack = null)
    {
        var chunks = ImmutableArray.CreateBuilder<XorbChunk>();
        var sent = unpack is not null ? ImmutableArray.CreateBuilder<XorbChunk>() : chunks;      // as its footer describes it
        var header = new byte[ChunkHeader.Size];
        var bytes = new byte[ChunkCodec.MaxStoredLength];
        var raw = new byte[Chunker.MaxLength];
        uint end = 0, rawEnd = 0, storedEnd = 0;
        while (true)
        {
            var read = await xorb.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, cancellationToken);
            if (read == 0)
                break;
            if (read < header.Length)
                throw new InvalidDataException($"The xorb ends inside the header of chunk {chunks.Count}, at byte {end + read}.");
            if (chunks.Count > 0 && XorbLayout.IsFooter(header))
            {
                await CheckFooterAsync(xorb, header, XorbLayout.Of(sent.ToImmutable()), cancellationToken);
                break;
            }
            if (chunks.Count == XorbLayout.MaxChunks)
                throw new InvalidDataException($"The xorb has more than {XorbLayout.MaxChunks} chunks.");

            var chunk = Header(header, chunks.Count, end);
            end += (uint)(ChunkHeader.Size + chunk.StoredLength);
            rawEnd += (uint)chunk.Length;
            if (end > XorbLayout.MaxLength + ChunkHeader.Size * XorbLayout.MaxChunks)   // real clients count the chunks' bytes alone
                throw new InvalidDataException($"The xorb is longer than {XorbLayout.MaxLength} bytes.");
            if (await xorb.ReadAtLeastAsync(bytes.AsMemory(0, chunk.StoredLength), chunk.StoredLength, throwOnEndOfStream: false,
                cancellationToken) < chunk.StoredLength)
                throw new InvalidDataException($"The xorb ends inside chunk {chunks.Count}.");
            codec.Decompress(chunk, bytes.AsSpan(0, chunk.StoredLength), raw.AsSpan(0, chunk.Length));
            var hash = XetHash.OfChunk(raw.AsSpan(0, chunk.Length));
            var keep = bytes.AsMemory(0, chunk.StoredLength);
            if (unpack is not null)
            {
                sent.Add(new XorbChunk(hash, end, rawEnd));
                if (chunk.Compression != Compression.None && rawEnd <= XorbLayout.MaxLength && unpack(chunk, raw.AsMemory(0, chunk.Length)))
                {
                    new ChunkHeader(chunk.Length, Compression.None, chunk.Length).Write(header);
                    keep = raw.AsMemory(0, chunk.Length);
                }
            }
            storedEnd += (uint)(ChunkHeader.Size + keep.Length);
            chunks.Add(new XorbChunk(hash, storedEnd, rawEnd));
            if (stored is not null)
            {
                await stored.WriteAsync(header, cancellationToken);
                await stored.WriteAsync(keep, cancellationToken);
            }
        }
        if (chunks.Count == 0)
            throw new InvalidDataException("The xorb is empty.");
        return XorbLayout.Of(chunks.ToImmutable());
    }

    static ChunkHeader Header(byte[] bytes, int chunk, uint at)
    {
        try
        {
            return ChunkHeader.Read(bytes);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"Chunk {chunk} at byte {at} of the xorb: {e.Message}", e);
        }
    }

    /// <summary>A footer may differ from ours only in its 16 spare bytes, which hold the sender's nonce.</summary>
    static async Task CheckFooterAsync(Stream xorb, byte[] start, XorbLayout layout, CancellationToken cancellationToken)
    {
        var expected = layout.Footer();
        var actual = new byte[expected.Length + 1];
        start.CopyTo(actual, 0);
        var length = start.Length + await xorb.ReadAtLeastAsync(actual.AsMemory(start.Length), actual.Length - start.Length,
            throwOnEndOfStream: false, cancellationToken);
        var spare = expected.Length - 4 - 16;
        // Some writers omit the last four bytes, the footer's length.
        if ((length != expected.Length && length != expected.Length - 4)
            || !actual.AsSpan(0, spare).SequenceEqual(expected.AsSpan(0, spare))
            || !actual.AsSpan(spare + 16, length - spare - 16).SequenceEqual(expected.AsSpan(spare + 16, length - spare - 16)))
            throw new InvalidDataException("The xorb's footer does not describe its chunks.");
    }
}
