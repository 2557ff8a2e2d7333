using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Banyan.Server.Git.Packs;

/// <summary>
/// Writes a pack as it is sent. The caller says how many there are before the first.
/// </summary>
/// <param name="send">Takes the pack's bytes, which are valid only until it returns.</param>
sealed class PackWriter(Action<ReadOnlySpan<byte>> send) : IDisposable
{
#pragma warning disable CA5350   // git's checksum, not a promise of integrity
    readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
    readonly MemoryStream _entry = new();

    /// <summary>An empty zlib stream: the library writes no byte where nothing is written to it.</summary>
    static readonly byte[] s_compressedNothing = [0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01];

    /// <summary>The header.</summary>
    public void Begin(uint objects)
    {
        Span<byte> header = stackalloc byte[PackFormat.HeaderBytes];
        "PACK"u8.CopyTo(header);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], 2);
        BinaryPrimitives.WriteUInt32BigEndian(header[8..], objects);
        Send(header);
    }

    /// <summary>An object.</summary>
    public void Add(GitKind kind, ReadOnlySpan<byte> content)
    {
        Span<byte> header = stackalloc byte[16];
        var length = PackFormat.WriteEntryHeader(header, PackFormat.TypeOf(kind), content.Length);
        _entry.SetLength(0);
        _entry.Write(header[..length]);
        if (content.IsEmpty)
            _entry.Write(s_compressedNothing);
        else
            using (var zlib = new ZLibStream(_entry, CompressionLevel.Fastest, leaveOpen: true))
                zlib.Write(content);
        Send(_entry.GetBuffer().AsSpan(0, (int)_entry.Length));
    }

    /// <summary>Entries as another pack has them; their bases must come with them.</summary>
    public void Entries(ReadOnlySpan<byte> entries) => Send(entries);

    /// <summary>The checksum of all that was sent.</summary>
    public void End()
    {
        Span<byte> checksum = stackalloc byte[PackFormat.TrailerBytes];
        _hash.GetHashAndReset(checksum);
        send(checksum);
    }

    public void Dispose() => _hash.Dispose();

    void Send(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        send(bytes);
    }
}
