using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Banyan.Chunks;

public sealed partial record Shard
{
    const int BlockEntries = 4096;

    /// <summary>
    /// Reads only the files of a shard, one at a time, from a seekable stream: memory is proportional to the largest file's terms, not to
    /// the shard. Its xorb section is skipped; a reader that has the xorbs has better information.
    /// </summary>
    /// <exception cref="InvalidDataException">Not a shard, or one that contradicts itself; the message says where.</exception>
    public static IEnumerable<ShardFile> ReadFiles(Stream shard)
    {
        if (shard.Length - shard.Position > MaxLength)
            throw new InvalidDataException($"The shard has {shard.Length - shard.Position} bytes; {MaxLength} are allowed.");
        var header = new byte[HeaderSize];
        CheckHeader(header.AsSpan(0, shard.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false)));
        while (true)
        {
            if (shard.ReadAtLeast(header, EntrySize, throwOnEndOfStream: false) < EntrySize)
                throw new InvalidDataException($"The shard ends at byte {shard.Length}, inside its files.");
            if (new XetHash(header.AsSpan(0, XetHash.Size)) == XetHash.Bookend)
                yield break;
            yield return ReadFile(header, shard);
        }
    }

    /// <summary>
    /// Entries are read a few at a time, so that a large shard takes memory for its terms but not for a copy of its bytes.
    /// </summary>
    static ShardFile ReadFile(byte[] header, Stream shard)
    {
        var hash = new XetHash(header.AsSpan(0, XetHash.Size));
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(32));
        var verified = (flags & WithVerification) != 0;
        var claimed = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(36));
        if (claimed > (shard.Length - shard.Position) / (EntrySize * (verified ? 2 : 1)))
            throw Missing(hash, claimed, "terms");
        var count = (int)claimed;

        var terms = ImmutableArray.CreateBuilder<ShardTerm>(count);
        var block = new byte[Math.Min(count, BlockEntries) * EntrySize];
        var verifications = verified ? new byte[block.Length] : [];
        var (at, end) = (shard.Position, shard.Position + (long)count * EntrySize * (verified ? 2 : 1));
        while (terms.Count < count)
        {
            var length = Math.Min(BlockEntries, count - terms.Count) * EntrySize;
            shard.Position = at + (long)terms.Count * EntrySize;
            shard.ReadExactly(block, 0, length);
            if (verified)
            {
                shard.Position = at + ((long)count + terms.Count) * EntrySize;
                shard.ReadExactly(verifications, 0, length);
            }
            for (var i = 0; i < length; i += EntrySize)
                terms.Add(ReadTerm(block.AsSpan(i, EntrySize), verified ? verifications.AsSpan(i, EntrySize) : [], terms.Count, hash));
        }
        shard.Position = end;

        ImmutableArray<byte>? sha256 = null;
        if ((flags & WithSha256) != 0)
            sha256 = shard.ReadAtLeast(block = new byte[EntrySize], EntrySize, throwOnEndOfStream: false) == EntrySize ? ReadSha256(block)
                : throw Missing(hash, 1, "a SHA-256");
        return new ShardFile(hash, terms.MoveToImmutable(), sha256);
    }

    static void CheckHeader(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderSize || !bytes.StartsWith(Tag))
            throw new InvalidDataException("Not a shard: it does not begin with a shard's mark.");
        var version = BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]);
        if (version != HeaderVersion)
            throw new InvalidDataException($"Shard version {version} is unknown; {HeaderVersion} is.");
    }
}
