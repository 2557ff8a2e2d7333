using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Banyan.Server.Git;

/// <summary>The SHA-1 by which git names an object.</summary>
readonly record struct GitId : IComparable<GitId>
{
    public const int Size = 20;

    // Three fields and not one of 16 bytes, whose alignment would make it 32 bytes long.
    readonly ulong _first, _second;
    readonly uint _last;

    // To make one costs as much as to hash a short object with it.
    [ThreadStatic]
    static IncrementalHash? t_sha1;

    public GitId(ReadOnlySpan<byte> bytes)
    {
        _first = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _second = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        _last = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]);
    }

    /// <summary>The name of an object: the hash of its kind, its length and its content.</summary>
    public static GitId Of(GitKind kind, ReadOnlySpan<byte> content)
    {
        Span<byte> header = stackalloc byte[40];
        var length = Encoding.ASCII.GetBytes($"{kind.Text()} {content.Length.ToString(CultureInfo.InvariantCulture)}\0", header);
        // git's names, not a promise of integrity: what must not be forged is named by SHA-256 here.
#pragma warning disable CA5350
        var sha1 = t_sha1 ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        sha1.AppendData(header[..length]);
        sha1.AppendData(content);
        Span<byte> hash = stackalloc byte[Size];
        sha1.GetHashAndReset(hash);
        return new GitId(hash);
    }

    /// <summary>Reads 40 hexadecimal digits.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out GitId id)
    {
        Span<byte> bytes = stackalloc byte[Size];
        var ok = text.Length == 2 * Size && Convert.FromHexString(text, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
        id = ok ? new GitId(bytes) : default;
        return ok;
    }

    /// <summary>As the other, of ASCII.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out GitId id)
    {
        Span<byte> bytes = stackalloc byte[Size];
        var ok = text.Length == 2 * Size && Convert.FromHexString(text, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
        id = ok ? new GitId(bytes) : default;
        return ok;
    }

    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    public void CopyTo(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt64BigEndian(to, _first);
        BinaryPrimitives.WriteUInt64BigEndian(to[8..], _second);
        BinaryPrimitives.WriteUInt32BigEndian(to[16..], _last);
    }

    /// <summary>The order of their bytes.</summary>
    public int CompareTo(GitId other) =>
        _first != other._first ? _first.CompareTo(other._first) : _second != other._second ? _second.CompareTo(other._second)
        : _last.CompareTo(other._last);

    /// <summary>Seeded per process, so that chosen ids cannot collide in a hash table.</summary>
    public override int GetHashCode() => HashCode.Combine(_first, _second);

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}

/// <summary>Kinds of git objects.</summary>
enum GitKind { Commit, Tree, Blob, Tag }

static class GitKinds
{
    public static string Text(this GitKind kind) =>
        kind switch { GitKind.Commit => "commit", GitKind.Tree => "tree", GitKind.Blob => "blob", _ => "tag" };

    public static GitKind Parse(string text) => text switch
    {
        "commit" => GitKind.Commit,
        "tree" => GitKind.Tree,
        "blob" => GitKind.Blob,
        "tag" => GitKind.Tag,
        _ => throw new InvalidDataException($"'{text}' is no kind of git object: run banyan fsck."),
    };
}
