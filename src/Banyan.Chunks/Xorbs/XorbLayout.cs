using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Banyan.Chunks;

/// <summary>A chunk in a xorb.</summary>
/// <param name="Hash">Its hash.</param>
/// <param name="End">Where its stored bytes (header included) end in the xorb, which is where the next chunk starts.</param>
/// <param name="RawEnd">Where its bytes end in the concatenation of the xorb's chunks.</param>
public readonly record struct XorbChunk(XetHash Hash, uint End, uint RawEnd);

/// <summary>The positions of the chunks in a xorb: the content of its footer ("XETBLOB", version 1).</summary>
public sealed record XorbLayout(XetHash Hash, ImmutableArray<XorbChunk> Chunks)
{
    /// <summary>A serialized xorb is at most this long, without its footer, in bytes.</summary>
    public const int MaxLength = 64 * 1024 * 1024;

    /// <summary>A xorb has at most this many chunks.</summary>
    public const int MaxChunks = 8 * 1024;

    static ReadOnlySpan<byte> Mark => "XETBLOB"u8;
    static ReadOnlySpan<byte> HashesMark => "XBLBHSH"u8;
    static ReadOnlySpan<byte> BoundariesMark => "XBLBBND"u8;

    const int FixedTail = 3 * 4 + 16;
    const int SectionHead = 7 + 1 + 4;

    /// <summary>Bytes of the chunks as stored; the footer follows.</summary>
    public long StoredLength => Chunks.IsEmpty ? 0 : Chunks[^1].End;

    /// <summary>Bytes of the uncompressed chunks.</summary>
    public long RawLength => Chunks.IsEmpty ? 0 : Chunks[^1].RawEnd;

    /// <summary>Where a chunk's stored bytes begin.</summary>
    public uint Start(int chunk) => chunk == 0 ? 0 : Chunks[chunk - 1].End;

    /// <summary>Bytes of an uncompressed chunk.</summary>
    public uint RawLengthOf(int chunk) => Chunks[chunk].RawEnd - (chunk == 0 ? 0 : Chunks[chunk - 1].RawEnd);

    /// <summary>The layout of chunks that were stored one after another; computes the xorb's hash.</summary>
    internal static XorbLayout Of(ImmutableArray<XorbChunk> chunks)
    {
        var nodes = new Chunk[chunks.Length];
        var start = 0u;
        for (var i = 0; i < chunks.Length; start = chunks[i++].RawEnd)
            nodes[i] = new Chunk(chunks[i].Hash, chunks[i].RawEnd - start);
        return new XorbLayout(MerkleTree.XorbHash(nodes), chunks);
    }

    /// <summary>Bytes of the footer, including the length field after it.</summary>
    public int FooterLength => 8 + XetHash.Size + 2 * SectionHead + Chunks.Length * (XetHash.Size + 8) + FixedTail + 4;

    /// <summary>The footer: hashes, boundaries, and the length that lets a reader find it from the end.</summary>
    public byte[] Footer()
    {
        var bytes = new byte[FooterLength];
        var rest = bytes.AsSpan();
        Put(ref rest, Mark, 1);
        Hash.CopyTo(rest);
        rest = rest[XetHash.Size..];

        var hashesFromEnd = rest.Length - 4;
        Put(ref rest, HashesMark, 0);
        Put(ref rest, (uint)Chunks.Length);
        foreach (var chunk in Chunks)
        {
            chunk.Hash.CopyTo(rest);
            rest = rest[XetHash.Size..];
        }

        var boundariesFromEnd = rest.Length - 4;
        Put(ref rest, BoundariesMark, 1);
        Put(ref rest, (uint)Chunks.Length);
        foreach (var chunk in Chunks)
            Put(ref rest, chunk.End);
        foreach (var chunk in Chunks)
            Put(ref rest, chunk.RawEnd);

        Put(ref rest, (uint)Chunks.Length);
        Put(ref rest, (uint)hashesFromEnd);
        Put(ref rest, (uint)boundariesFromEnd);
        rest = rest[16..];
        Put(ref rest, (uint)(bytes.Length - 4));
        return bytes;
    }

    static void Put(ref Span<byte> rest, ReadOnlySpan<byte> mark, byte version)
    {
        mark.CopyTo(rest);
        rest[7] = version;
        rest = rest[8..];
    }

    static void Put(ref Span<byte> rest, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(rest, value);
        rest = rest[4..];
    }

    /// <summary>Whether bytes at the end of the chunks begin a footer rather than a chunk header.</summary>
    internal static bool IsFooter(ReadOnlySpan<byte> bytes) => bytes.StartsWith(Mark);
}
