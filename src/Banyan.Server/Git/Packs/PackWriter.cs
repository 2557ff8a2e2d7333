using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Banyan.Server.Git.Packs;

/// <summary>
/// Writes a pack as it is sent. The caller says how many there are before the first.
/// </summary>
/// <param name="send">Takes the pack's bytes, which are valid only until it returns.</param>
/// <param name="compression">How much time its objects are worth: what is sent once is compressed fast.</param>
sealed class PackWriter(Action<ReadOnlySpan<byte>> send, CompressionLevel compression = CompressionLevel.Fastest) : IDisposable
{
#pragma warning disable CA5350   // git's checksum, not a promise of integrity
    readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
    readonly MemoryStream _entry = new();

    /// <summary>An empty zlib stream: the library writes no byte where nothing is written to it.</summary>
    static readonly byte[] s_compressedNothing = [0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01];

    /// <summary>Bytes so far: where the next entry begins.</summary>
    public long Position { get; private set; }

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
        Add(content, header[..PackFormat.WriteEntryHeader(header, PackFormat.TypeOf(kind), content.Length)]);
    }

    /// <summary>An object as a delta to one that came before.</summary>
    /// <param name="distance">From where the base begins to <see cref="Position"/>.</param>
    /// <param name="delta">What <see cref="PackDelta"/> applies.</param>
    public void AddDelta(long distance, ReadOnlySpan<byte> delta)
    {
        Span<byte> header = stackalloc byte[32];
        var length = PackFormat.WriteEntryHeader(header, PackFormat.OffsetDelta, delta.Length);
        length += PackFormat.WriteDistance(header[length..], distance);
        Add(delta, header[..length]);
    }

    void Add(ReadOnlySpan<byte> content, ReadOnlySpan<byte> header)
    {
        _entry.SetLength(0);
        _entry.Write(header);
        if (content.IsEmpty)
            _entry.Write(s_compressedNothing);
        else
            using (var zlib = new ZLibStream(_entry, compression, leaveOpen: true))
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
        Position += bytes.Length;
        send(bytes);
    }
}
