using System.Buffers.Binary;

namespace Banyan.Chunks;

/// <summary>The header before a chunk in a xorb: 8 bytes (Xet specification, "Chunk Header Structure").</summary>
/// <param name="StoredLength">Stored bytes that follow.</param>
/// <param name="Compression">How they are compressed.</param>
/// <param name="Length">Bytes of the uncompressed chunk, at most <see cref="Chunker.MaxLength"/>.</param>
public readonly record struct ChunkHeader(int StoredLength, Compression Compression, int Length)
{
    /// <summary>Bytes of a header.</summary>
    public const int Size = 8;

    /// <summary>Reads and checks a header.</summary>
    /// <exception cref="InvalidDataException">Not a header, or it declares more bytes than a chunk may have.</exception>
    public static ChunkHeader Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Size)
            throw new InvalidDataException($"A chunk header has {Size} bytes, but {bytes.Length} are left.");
        if (bytes[0] != 0)
            throw new InvalidDataException($"Chunk header version {bytes[0]} is unknown; 0 is.");
        var header = new ChunkHeader(ReadUInt24(bytes[1..]), (Compression)bytes[4], ReadUInt24(bytes[5..]));
        if (header.Compression > Compression.ByteGroupedLz4)
            throw new InvalidDataException($"Compression scheme {bytes[4]} is unknown; 0, 1 and 2 are.");
        if (header.Length is 0 or > Chunker.MaxLength)
            throw new InvalidDataException($"A chunk of {header.Length} bytes: it must be 1 to {Chunker.MaxLength}.");
        if (header.StoredLength is 0 || header.StoredLength > ChunkCodec.MaxStoredLength
            || (header.Compression == Compression.None && header.StoredLength != header.Length))
            throw new InvalidDataException(
                $"A chunk of {header.Length} bytes cannot be stored in {header.StoredLength} with scheme {header.Compression}.");
        return header;
    }

    /// <summary>Writes the 8 bytes.</summary>
    public void Write(Span<byte> destination)
    {
        destination[0] = 0;
        WriteUInt24(destination[1..], StoredLength);
        destination[4] = (byte)Compression;
        WriteUInt24(destination[5..], Length);
    }

    static int ReadUInt24(ReadOnlySpan<byte> bytes) => bytes[0] | bytes[1] << 8 | bytes[2] << 16;

    static void WriteUInt24(Span<byte> bytes, int value) =>
        (bytes[0], bytes[1], bytes[2]) = ((byte)value, (byte)(value >> 8), (byte)(value >> 16));
}

/// <summary>
/// Compresses and decompresses chunks. It holds buffers and remembers which compression worked last, so use one instance per thread and
/// file.
/// </summary>
/// <param name="leastGain">
/// The share of a chunk's bytes that compression must be likely to save; otherwise the chunk is stored uncompressed. 1/32 suits a sender
/// on a metered link. Normally distributed BF16 weights save 14 %, and cost 2.2 CPU-seconds per gigabyte to compress and 0.5 for each
/// decompression.
/// </param>
public sealed class ChunkCodec(double leastGain = 1.0 / 32)
{
    /// <summary>The longest stored form of a chunk, in bytes: LZ4's worst case and its frame.</summary>
    internal const int MaxStoredLength = Chunker.MaxLength + Chunker.MaxLength / 255 + 64;

    // Compressing an eighth of a chunk both ways shows which is smaller: within 0.5 % of the best choice over BF16, F32, Q8_0 weights and
    // text.
    const int SampleLength = 4096, SmallestSampled = 16 * 1024;

    // Neighbouring chunks are alike, and sampling each one took a quarter as long as compressing it. While samples agree, the distance to
    // the next one doubles, up to some two megabytes, so that a tensor that begins in between is soon noticed.
    const int ChunksASample = 8, MostChunksASample = 32;

    readonly byte[] _grouped = new byte[Chunker.MaxLength];
    readonly byte[] _frame = new byte[MaxStoredLength];
    Compression _chosen;
    int _chosenFor, _distance;

    /// <summary>Compresses a chunk the way that is likely smallest; a chunk that does not shrink is stored uncompressed.</summary>
    /// <returns>The header; the stored bytes are valid until the next call.</returns>
    public ChunkHeader Compress(ReadOnlySpan<byte> chunk, out ReadOnlySpan<byte> stored) => Compress(chunk, Choose(chunk), out stored);

    internal ChunkHeader Compress(ReadOnlySpan<byte> chunk, Compression compression, out ReadOnlySpan<byte> stored)
    {
        if (chunk.Length is 0 or > Chunker.MaxLength)
            throw new ArgumentException($"A chunk has 1 to {Chunker.MaxLength} bytes, not {chunk.Length}.", nameof(chunk));
        if (compression != Compression.None)
        {
            var raw = chunk;
            if (compression == Compression.ByteGroupedLz4)
            {
                ByteGroups.Split(chunk, _grouped.AsSpan(0, chunk.Length));
                raw = _grouped.AsSpan(0, chunk.Length);
            }
            var length = Lz4Frame.Encode(raw, _frame.AsSpan(0, chunk.Length));
            if (length > 0)
            {
                stored = _frame.AsSpan(0, length);
                return new ChunkHeader(length, compression, chunk.Length);
            }
            _chosenFor = _distance = 0;      // not as its neighbours
        }
        stored = chunk;
        return new ChunkHeader(chunk.Length, Compression.None, chunk.Length);
    }

    /// <summary>Restores a chunk.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="stored">The bytes after the header, exactly as many as it says.</param>
    /// <param name="chunk">Receives exactly as many bytes as the header says.</param>
    /// <exception cref="InvalidDataException">The bytes do not decompress to that length.</exception>
    public void Decompress(ChunkHeader header, ReadOnlySpan<byte> stored, Span<byte> chunk)
    {
        var whole = header.Compression switch
        {
            Compression.None => stored.TryCopyTo(chunk) && stored.Length == chunk.Length,
            Compression.Lz4 => Lz4Frame.TryDecode(stored, chunk),
            _ => Lz4Frame.TryDecode(stored, _grouped.AsSpan(0, chunk.Length)),
        };
        if (!whole)
            throw new InvalidDataException($"{stored.Length} bytes of {header.Compression} do not hold a chunk of {header.Length} bytes.");
        if (header.Compression == Compression.ByteGroupedLz4)
            ByteGroups.Join(_grouped.AsSpan(0, chunk.Length), chunk);
    }

    Compression Choose(ReadOnlySpan<byte> chunk)
    {
        if (_chosenFor-- > 0)
            return _chosen;
        if (chunk.Length < SmallestSampled)
            return Compression.Lz4;
        var chosen = Sample(chunk);
        _distance = _distance > 0 && chosen == _chosen ? Math.Min(2 * _distance, MostChunksASample) : ChunksASample;
        _chosenFor = _distance - 1;
        return _chosen = chosen;
    }

    Compression Sample(ReadOnlySpan<byte> chunk)
    {
        var grouped = _grouped.AsSpan(0, 2 * SampleLength);
        // Two places, at multiples of four so that the groups match those of the whole chunk.
        int plain = 0, byGroups = 0;
        foreach (var at in (ReadOnlySpan<int>)[chunk.Length / 4 & ~3, 3 * (chunk.Length / 4) & ~3])
        {
            var sample = chunk.Slice(at, SampleLength);
            plain += Size(sample);
            ByteGroups.Split(sample, grouped[..SampleLength]);
            byGroups += Size(grouped[..SampleLength]);
        }
        return Math.Min(plain, byGroups) > 2 * SampleLength * (1 - leastGain) ? Compression.None : byGroups < plain
            ? Compression.ByteGroupedLz4 : Compression.Lz4;
    }

    int Size(ReadOnlySpan<byte> sample) => Lz4Frame.Encode(sample, _frame) is var length and > 0 ? length : sample.Length;
}
