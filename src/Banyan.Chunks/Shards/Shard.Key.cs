using System.Buffers.Binary;

namespace Banyan.Chunks;

public sealed partial record Shard
{
    /// <summary>
    /// The key that hides the chunk hashes in an answer to a deduplication query, from the footer; null if there is none. The shard
    /// contains <see cref="XetHash.Keyed(ReadOnlySpan{byte})"/> of each chunk's hash.
    /// </summary>
    public static byte[]? KeyOf(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderSize + FooterSize || !bytes.StartsWith(Tag)
            || BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]) != FooterSize)
            return null;
        var footer = bytes[^FooterSize..];
        var key = footer.Slice(72, XetHash.Size);
        return BinaryPrimitives.ReadUInt64LittleEndian(footer) == FooterVersion && key.ContainsAnyExcept((byte)0) ? key.ToArray() : null;
    }
}
