using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Banyan.Runtime.Tokenizers;

/// <summary>
/// The hash for the vocabulary's tables: one folded multiplication per eight bytes. Its seed is random at start, so that no file can
/// contain tokens that all collide.
/// </summary>
static class Hashing
{
    static readonly ulong s_seed = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(8)) | 1;

    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        var hash = s_seed ^ (ulong)bytes.Length;
        while (bytes.Length >= 8)
        {
            hash = Fold(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }
        return Fold(hash ^ Tail(bytes));
    }

    public static ulong Of(ulong value) => Fold(value ^ s_seed);

    /// <summary>The last 0 to 7 bytes; the length is already part of the hash.</summary>
    static ulong Tail(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        >= 4 => BinaryPrimitives.ReadUInt32LittleEndian(bytes) | (ulong)BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]) << 32,
        > 0 => bytes[0] | (ulong)bytes[bytes.Length / 2] << 8 | (ulong)bytes[^1] << 16,
        _ => 0,
    };

    static ulong Fold(ulong value)
    {
        var high = Math.BigMul(value, 0x9E3779B97F4A7C15 ^ s_seed, out var low);
        return high ^ low;
    }
}
