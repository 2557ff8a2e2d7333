namespace Banyan.Chunks;

/// <summary>
/// The keys of the Xet specification (hashing): one for each purpose, so that a hash of one kind is never mistaken for another.
/// </summary>
static class XetKeys
{
    /// <summary>Chunk bytes.</summary>
    public static ReadOnlySpan<byte> Data =>
    [
        102, 151, 245, 119, 91, 149, 80, 222, 49, 53, 203, 172, 165, 151, 24, 28,
        157, 228, 33, 16, 155, 235, 43, 88, 180, 208, 176, 75, 147, 173, 242, 41,
    ];

    /// <summary>Inner nodes of the Merkle tree.</summary>
    public static ReadOnlySpan<byte> Node =>
    [
        1, 126, 197, 199, 165, 71, 41, 150, 253, 148, 102, 102, 180, 138, 2, 230,
        93, 221, 83, 111, 55, 199, 109, 210, 248, 99, 82, 230, 74, 83, 113, 63,
    ];

    /// <summary>A term's chunk hashes: proves that the writer of the shard has the chunks.</summary>
    public static ReadOnlySpan<byte> Verification =>
    [
        127, 24, 87, 214, 206, 86, 237, 102, 18, 127, 249, 19, 231, 165, 195, 243,
        164, 205, 38, 213, 181, 219, 73, 230, 65, 36, 152, 127, 40, 251, 148, 195,
    ];

    /// <summary>A file's hash is its Merkle root, keyed with 32 zeros.</summary>
    public static ReadOnlySpan<byte> File => new byte[32];
}
