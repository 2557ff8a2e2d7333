using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace Banyan.Chunks;

/// <summary>
/// A 32-byte hash of the Xet protocol. Its text form is four little-endian 64-bit words, each printed as 16 hexadecimal digits
/// (specification, "Converting hashes to strings"), which is not the hexadecimal form of its bytes.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
public readonly struct XetHash : IEquatable<XetHash>, IComparable<XetHash>
{
    /// <summary>Bytes of a hash.</summary>
    public const int Size = 32;

    readonly ulong _a, _b, _c, _d;   // little-endian words, whatever the machine's order

    XetHash(ulong a, ulong b, ulong c, ulong d) => (_a, _b, _c, _d) = (a, b, c, d);

    /// <summary>The hash of 32 bytes.</summary>
    /// <exception cref="ArgumentException">The length is not 32 bytes.</exception>
    public XetHash(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new ArgumentException($"A hash has {Size} bytes, not {bytes.Length}.", nameof(bytes));
        _a = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        _b = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        _c = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
        _d = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]);
    }

    /// <summary>All zeros: the hash of the empty file.</summary>
    public static XetHash Zero => default;

    /// <summary>All ones: the mark that ends a section of a shard.</summary>
    public static XetHash Bookend => new(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, ulong.MaxValue);

    /// <summary>
    /// The last word: it determines the groups of the Merkle tree (modulo 4) and the chunks used in global deduplication queries (modulo
    /// 1024).
    /// </summary>
    public ulong LastWord => _d;

    /// <summary>Hash of a chunk's bytes.</summary>
    public static XetHash OfChunk(ReadOnlySpan<byte> bytes) => Keyed(XetKeys.Data, bytes);

    /// <summary>BLAKE3 of <paramref name="bytes"/> with a 32-byte key.</summary>
    public static XetHash Keyed(ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[Size];
        Blake3.Hash(bytes, key, hash);
        return new XetHash(hash);
    }

    /// <summary>This hash, hashed again with a key: hides chunk hashes in answers to global deduplication queries.</summary>
    public XetHash Keyed(ReadOnlySpan<byte> key)
    {
        Span<byte> bytes = stackalloc byte[Size];
        CopyTo(bytes);
        return Keyed(key, bytes);
    }

    /// <summary>Writes the 32 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, _a);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], _b);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], _c);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], _d);
    }

    /// <summary>The 32 bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>The 64 digits of the text form, as ASCII.</summary>
    internal void WriteText(Span<byte> destination) => Utf8.TryWrite(destination, $"{_a:x16}{_b:x16}{_c:x16}{_d:x16}", out _);

    /// <inheritdoc/>
    public override string ToString() => $"{_a:x16}{_b:x16}{_c:x16}{_d:x16}";

    /// <summary>Reads the text form: exactly 64 hexadecimal digits.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out XetHash hash)
    {
        hash = default;
        if (text is not { Length: 64 })
            return false;
        Span<ulong> words = stackalloc ulong[4];
        for (var i = 0; i < 4; i++)
        {
            // ulong.TryParse would take white space and signs.
            foreach (var digit in text.AsSpan(16 * i, 16))
                if (!char.IsAsciiHexDigit(digit))
                    return false;
            words[i] = ulong.Parse(text.AsSpan(16 * i, 16), System.Globalization.NumberStyles.AllowHexSpecifier, null);
        }
        hash = new XetHash(words[0], words[1], words[2], words[3]);
        return true;
    }

    /// <summary>Reads the text form.</summary>
    /// <exception cref="FormatException">It is not 64 hexadecimal digits.</exception>
    public static XetHash Parse(string text) =>
        TryParse(text, out var hash) ? hash : throw new FormatException($"'{text}' is no hash: 64 hexadecimal digits are.");

    /// <inheritdoc/>
    public bool Equals(XetHash other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is XetHash other && Equals(other);

    /// <summary>The first word of the hash.</summary>
    public override int GetHashCode() => _a.GetHashCode();

    /// <inheritdoc/>
    public int CompareTo(XetHash other) =>
        (_a, _b, _c, _d).CompareTo((other._a, other._b, other._c, other._d));

    /// <summary>Whether the 32 bytes are equal.</summary>
    public static bool operator ==(XetHash left, XetHash right) => left.Equals(right);

    /// <summary>Whether the 32 bytes differ.</summary>
    public static bool operator !=(XetHash left, XetHash right) => !left.Equals(right);
}
