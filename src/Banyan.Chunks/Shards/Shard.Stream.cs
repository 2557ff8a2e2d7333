using System.Buffers;
using System.Buffers.Binary;

namespace Banyan.Chunks;

public sealed partial record Shard
{
    /// <summary>
    /// Reads only the files of a shard, one at a time, from a stream that can seek: memory is in proportion to the largest file's
    /// terms, not to the shard. What it says of xorbs is passed over; who has them knows better.
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

    static ShardFile ReadFile(byte[] header, Stream shard)
    {
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(32));
        var count = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(36));
        var entries = (long)count * ((flags & WithVerification) != 0 ? 2 : 1) + ((flags & WithSha256) != 0 ? 1 : 0);
        // A count that is not borne out is left to the reader of the entries, which says so; it is given no more than is there.
        var length = (int)Math.Min(entries * EntrySize, shard.Length - shard.Position);
        var rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            shard.ReadExactly(rented, 0, length);
            var rest = new Entries(rented.AsSpan(0, length), 0);
            return ReadFile(header, ref rest);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
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
