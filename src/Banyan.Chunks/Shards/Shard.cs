using System.Collections.Immutable;

namespace Banyan.Chunks;

/// <summary>A part of a file: a run of chunks of one xorb.</summary>
/// <param name="Xorb">The xorb.</param>
/// <param name="RawLength">Bytes of the part.</param>
/// <param name="FirstChunk">Index of its first chunk in the xorb.</param>
/// <param name="EndChunk">Index after its last chunk.</param>
/// <param name="Verification">Hash over the chunks' hashes (<see cref="MerkleTree.VerificationHash"/>), if the shard has it.</param>
public readonly record struct ShardTerm(XetHash Xorb, uint RawLength, uint FirstChunk, uint EndChunk, XetHash? Verification);

/// <summary>How a file is assembled from xorbs.</summary>
/// <param name="Hash">The file's hash.</param>
/// <param name="Terms">Its parts, in order.</param>
/// <param name="Sha256">Its 32-byte SHA-256, if the shard has it.</param>
public sealed record ShardFile(XetHash Hash, ImmutableArray<ShardTerm> Terms, ImmutableArray<byte>? Sha256);

/// <summary>A chunk of a xorb, as listed in a shard.</summary>
/// <param name="Hash">Its hash (keyed, if the shard has a key).</param>
/// <param name="RawStart">Where its bytes begin in the concatenation of the xorb's chunks.</param>
/// <param name="RawLength">Its length in bytes.</param>
public readonly record struct ShardChunk(XetHash Hash, uint RawStart, uint RawLength);

/// <summary>A xorb that a shard describes.</summary>
/// <param name="Hash">The xorb's hash.</param>
/// <param name="Chunks">Its chunks, in order.</param>
/// <param name="RawLength">Bytes of all chunks.</param>
/// <param name="StoredLength">Bytes of the xorb as serialized.</param>
public sealed record ShardXorb(XetHash Hash, ImmutableArray<ShardChunk> Chunks, uint RawLength, uint StoredLength);

/// <summary>
/// The index that accompanies xorbs (Xet specification, "MDB Shard File Format"): which chunks make up which file, and which xorb holds
/// them.
/// </summary>
/// <param name="Files">Files, empty in an answer to a deduplication query.</param>
/// <param name="Xorbs">Xorbs.</param>
public sealed partial record Shard(ImmutableArray<ShardFile> Files, ImmutableArray<ShardXorb> Xorbs)
{
    /// <summary>Maximum length of a shard, in bytes.</summary>
    public const int MaxLength = 64 * 1024 * 1024;

    const int EntrySize = 48, HeaderSize = 48, FooterSize = 200;
    const ulong HeaderVersion = 2, FooterVersion = 1;
    const uint WithVerification = 1u << 31, WithSha256 = 1u << 30;

    static ReadOnlySpan<byte> Tag =>
    [
        (byte)'H', (byte)'F', (byte)'R', (byte)'e', (byte)'p', (byte)'o', (byte)'M', (byte)'e', (byte)'t', (byte)'a', (byte)'D',
        (byte)'a', (byte)'t', (byte)'a',
        0, 85, 105, 103, 69, 106, 123, 129, 87, 131, 165, 189, 217, 92, 205, 209, 74, 169,
    ];
}
