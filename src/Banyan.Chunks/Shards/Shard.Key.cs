using System.Buffers.Binary;

namespace Banyan.Chunks;

public sealed partial record Shard
{
    /// <summary>
    /// The key under which the chunk hashes of an answer to a deduplication query are hidden (<see cref="XetHash.Keyed(ReadOnlySpan{byte})"/>
    /// of a chunk's hash gives what the shard has), from the footer; null where there is none.
    /// </summary>
    public static byte[]? KeyOf(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderSize + FooterSize || !bytes.StartsWith(Tag) || BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]) != FooterSize)
            return null;
        var footer = bytes[^FooterSize..];
        var key = footer.Slice(72, XetHash.Size);
        return BinaryPrimitives.ReadUInt64LittleEndian(footer) == FooterVersion && key.ContainsAnyExcept((byte)0) ? key.ToArray() : null;
    }
}
