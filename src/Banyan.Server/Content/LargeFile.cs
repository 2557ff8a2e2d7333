using System.Buffers.Binary;
using System.Collections.Immutable;
using Banyan.Chunks;

namespace Banyan.Server.Content;

/// <summary>A large file whose bytes were verified: its names, its length, and the runs of chunks it is made of.</summary>
/// <param name="Id">Row in <c>contents</c>.</param>
/// <param name="Sha256">Its SHA-256.</param>
/// <param name="XetHash">Its Merkle hash.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Terms">Runs of chunks, in order.</param>
public sealed record LargeFile(long Id, Sha256 Sha256, XetHash XetHash, long Size, ImmutableArray<Term> Terms);

/// <summary>A run of chunks of one xorb.</summary>
/// <param name="Xorb">Row in <c>xorbs</c>.</param>
/// <param name="First">Its first chunk.</param>
/// <param name="End">The chunk after its last.</param>
/// <param name="RawLength">Bytes of the run.</param>
public readonly record struct Term(long Xorb, int First, int End, uint RawLength)
{
    const int PackedSize = 20;

    /// <summary>The form in the database: 20 bytes a term.</summary>
    public static byte[] Pack(IReadOnlyList<Term> terms)
    {
        var bytes = new byte[terms.Count * PackedSize];
        for (var i = 0; i < terms.Count; i++)
        {
            var at = bytes.AsSpan(i * PackedSize);
            BinaryPrimitives.WriteInt64LittleEndian(at, terms[i].Xorb);
            BinaryPrimitives.WriteInt32LittleEndian(at[8..], terms[i].First);
            BinaryPrimitives.WriteInt32LittleEndian(at[12..], terms[i].End);
            BinaryPrimitives.WriteUInt32LittleEndian(at[16..], terms[i].RawLength);
        }
        return bytes;
    }

    /// <summary>Reads <see cref="Pack"/>.</summary>
    public static ImmutableArray<Term> Unpack(ReadOnlySpan<byte> bytes)
    {
        var terms = ImmutableArray.CreateBuilder<Term>(bytes.Length / PackedSize);
        for (; bytes.Length >= PackedSize; bytes = bytes[PackedSize..])
            terms.Add(new Term(
                BinaryPrimitives.ReadInt64LittleEndian(bytes),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..])));
        return terms.MoveToImmutable();
    }
}

/// <summary>The received bytes are not those that were announced. Nothing refers to them.</summary>
public sealed class ContentMismatchException(string message) : Exception(message);
