using System.Buffers;
using System.Buffers.Binary;

namespace Banyan.Server.Content;

/// <summary>
/// The SHA-256 of a large file, which git-lfs calls its oid. As text it is 64 lower-case hexadecimal digits, in the database 32 bytes.
/// </summary>
public readonly record struct Sha256
{
    /// <summary>Bytes of a hash.</summary>
    public const int Size = 32;

    readonly ulong _a, _b, _c, _d;

    /// <summary>The hash of 32 bytes.</summary>
    /// <exception cref="ArgumentException">The length is not 32 bytes.</exception>
    public Sha256(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new ArgumentException($"A SHA-256 has {Size} bytes, not {bytes.Length}.", nameof(bytes));
        _a = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _b = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        _c = BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]);
        _d = BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]);
    }

    /// <summary>Reads an oid. Upper-case digits are not one: clients compare oids as text.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Sha256 hash)
    {
        Span<byte> bytes = stackalloc byte[Size];
        var ok = text.Length == 2 * Size && !text.ContainsAnyInRange('A', 'F')
            && Convert.FromHexString(text, bytes, out _, out _) == OperationStatus.Done;
        hash = ok ? new Sha256(bytes) : default;
        return ok;
    }

    /// <summary>Reads an oid.</summary>
    /// <exception cref="FormatException">The text is not 64 lower-case hexadecimal digits.</exception>
    public static Sha256 Parse(string text) => TryParse(text, out var hash) ? hash
        : throw new FormatException($"'{text}' is not a SHA-256 of {2 * Size} lower-case hexadecimal digits.");

    /// <summary>The 32 bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        Write(bytes);
        return bytes;
    }

    void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt64BigEndian(to, _a);
        BinaryPrimitives.WriteUInt64BigEndian(to[8..], _b);
        BinaryPrimitives.WriteUInt64BigEndian(to[16..], _c);
        BinaryPrimitives.WriteUInt64BigEndian(to[24..], _d);
    }

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
