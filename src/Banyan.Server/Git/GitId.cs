using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Banyan.Server.Git;

/// <summary>The SHA-1 by which git names an object.</summary>
readonly record struct GitId
{
    public const int Size = 20;

    readonly UInt128 _first;
    readonly uint _last;

    public GitId(ReadOnlySpan<byte> bytes)
    {
        _first = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        _last = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]);
    }

    /// <summary>The name of an object: the hash of its kind, its length and its content.</summary>
    public static GitId Of(GitKind kind, ReadOnlySpan<byte> content)
    {
        Span<byte> header = stackalloc byte[40];
        var length = Encoding.ASCII.GetBytes($"{kind.Text()} {content.Length.ToString(CultureInfo.InvariantCulture)}\0", header);
        // git's names, not a promise of integrity: what must not be forged is named by SHA-256 here.
#pragma warning disable CA5350
        using var sha1 = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
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

    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    public void CopyTo(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt128BigEndian(to, _first);
        BinaryPrimitives.WriteUInt32BigEndian(to[16..], _last);
    }

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
    public static string Text(this GitKind kind) => kind switch { GitKind.Commit => "commit", GitKind.Tree => "tree", GitKind.Blob => "blob", _ => "tag" };

    public static GitKind Parse(string text) => text switch
    {
        "commit" => GitKind.Commit,
        "tree" => GitKind.Tree,
        "blob" => GitKind.Blob,
        "tag" => GitKind.Tag,
        _ => throw new InvalidDataException($"'{text}' is no kind of git object: run banyan fsck."),
    };
}
