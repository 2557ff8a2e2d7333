using System.Buffers.Binary;

namespace Banyan.Chunks;

public sealed partial record Shard
{
    /// <summary>Writes the shard for an upload: without a footer, as the specification requires.</summary>
    public void Write(Stream destination)
    {
        WriteHeader(destination, 0);
        WriteEntries(destination);
    }

    /// <summary>
    /// Writes the shard as the answer to a deduplication query: chunk hashes are replaced by their keyed form, so that a reader can
    /// recognise only chunks that it has itself.
    /// </summary>
    /// <param name="destination">Receives the shard.</param>
    /// <param name="key">32 bytes.</param>
    /// <param name="created">The current time.</param>
    /// <param name="expires">The time until which its xorbs are kept for a client that refers to them.</param>
    public void WriteKeyed(Stream destination, ReadOnlySpan<byte> key, DateTimeOffset created, DateTimeOffset expires)
    {
        var hidden = key.ToArray();
        var keyed = this with
        {
            Xorbs = [.. Xorbs.Select(x => x with { Chunks = [.. x.Chunks.Select(c => c with { Hash = c.Hash.Keyed(hidden) })] })],
        };
        WriteHeader(destination, FooterSize);
        var (xorbsAt, end) = keyed.WriteEntries(destination);

        Span<byte> footer = stackalloc byte[FooterSize];
        footer.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(footer, FooterVersion);
        BinaryPrimitives.WriteInt64LittleEndian(footer[8..], HeaderSize);
        BinaryPrimitives.WriteInt64LittleEndian(footer[16..], xorbsAt);
        // Three empty lookup tables, each an offset and a count.
        foreach (var at in (ReadOnlySpan<int>)[24, 40, 56])
            BinaryPrimitives.WriteInt64LittleEndian(footer[at..], end);
        key.CopyTo(footer[72..]);
        BinaryPrimitives.WriteInt64LittleEndian(footer[104..], created.ToUnixTimeSeconds());
        BinaryPrimitives.WriteInt64LittleEndian(footer[112..], expires.ToUnixTimeSeconds());
        BinaryPrimitives.WriteInt64LittleEndian(footer[192..], end);
        destination.Write(footer);
    }

    static void WriteHeader(Stream destination, ulong footerSize)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        Tag.CopyTo(header);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], HeaderVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], footerSize);
        destination.Write(header);
    }

    /// <returns>Where the xorbs begin and where they end, in bytes from the shard's start.</returns>
    (long XorbsAt, long End) WriteEntries(Stream destination)
    {
        var at = (long)HeaderSize;
        void Put(XetHash hash, uint a = 0, uint b = 0, uint c = 0, uint d = 0)
        {
            Span<byte> entry = stackalloc byte[EntrySize];
            hash.CopyTo(entry);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[32..], a);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[36..], b);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[40..], c);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[44..], d);
            destination.Write(entry);
            at += EntrySize;
        }

        foreach (var file in Files)
        {
            var verified = !file.Terms.IsEmpty && file.Terms.All(t => t.Verification is not null);
            Put(file.Hash, (verified ? WithVerification : 0) | (file.Sha256 is null ? 0 : WithSha256), (uint)file.Terms.Length);
            foreach (var term in file.Terms)
                Put(term.Xorb, 0, term.RawLength, term.FirstChunk, term.EndChunk);
            if (verified)
                foreach (var term in file.Terms)
                    Put(term.Verification!.Value);
            if (file.Sha256 is { } sha256)
                Put(XetHash.Parse(Convert.ToHexStringLower(sha256.AsSpan())));
        }
        Put(XetHash.Bookend);

        var xorbsAt = at;
        foreach (var xorb in Xorbs)
        {
            Put(xorb.Hash, 0, (uint)xorb.Chunks.Length, xorb.RawLength, xorb.StoredLength);
            foreach (var chunk in xorb.Chunks)
                Put(chunk.Hash, chunk.RawStart, chunk.RawLength);
        }
        Put(XetHash.Bookend);
        return (xorbsAt, at);
    }
}
