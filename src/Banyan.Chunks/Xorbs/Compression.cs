namespace Banyan.Chunks;

/// <summary>How a chunk is stored in a xorb (Xet specification, "Chunk Compression Schemes").</summary>
public enum Compression : byte
{
    /// <summary>Uncompressed.</summary>
    None = 0,

    /// <summary>An LZ4 frame.</summary>
    Lz4 = 1,

    /// <summary>
    /// Every fourth byte grouped, then an LZ4 frame: for numbers whose bytes repeat by position, such as BF16 and F32 weights.
    /// </summary>
    ByteGroupedLz4 = 2,
}
