using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace Banyan.Chunks;

/// <summary>A chunk of a file or xorb: its hash and its length in bytes (a tree node has the same shape: the sum of its chunks).</summary>
public readonly record struct Chunk(XetHash Hash, ulong Length);

/// <summary>
/// The Merkle tree over chunk hashes that names xorbs and files (Xet specification, hashing). A node is the hash of its
/// children's lines <c>"{hash} : {length}\n"</c>. Groups of children are content-defined: a group ends at the third or a later child if
/// its last word is a multiple of 4, at nine children, or at the end.
/// </summary>
public static class MerkleTree
{
    internal const int MaxGroup = 9;
    const int MaxLine = 64 + 3 + 20 + 1;

    /// <summary>Hash of a xorb: the root over its chunks; zero for none.</summary>
    public static XetHash XorbHash(ReadOnlySpan<Chunk> chunks) => Root(chunks);

    /// <summary>Hash of a file: the root over its chunks, keyed once more; zero for the empty file.</summary>
    public static XetHash FileHash(ReadOnlySpan<Chunk> chunks) => chunks.IsEmpty ? XetHash.Zero : Root(chunks).Keyed(XetKeys.File);

    /// <summary>Hash that proves possession of a term's chunks: over the bytes of their hashes, in order.</summary>
    public static XetHash VerificationHash(ReadOnlySpan<XetHash> chunks)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(chunks.Length * XetHash.Size);
        for (var i = 0; i < chunks.Length; i++)
            chunks[i].CopyTo(bytes.AsSpan(i * XetHash.Size));
        var hash = XetHash.Keyed(XetKeys.Verification, bytes.AsSpan(0, chunks.Length * XetHash.Size));
        ArrayPool<byte>.Shared.Return(bytes);
        return hash;
    }

    static XetHash Root(ReadOnlySpan<Chunk> chunks)
    {
        if (chunks.IsEmpty)
            return XetHash.Zero;

        // Each level overwrites the one below it: a parent is never stored after its first child.
        var rented = ArrayPool<Chunk>.Shared.Rent(chunks.Length);
        var level = rented.AsSpan(0, chunks.Length);
        chunks.CopyTo(level);
        while (level.Length > 1)
        {
            var parents = 0;
            for (var start = 0; start < level.Length; parents++)
            {
                var group = GroupLength(level[start..]);
                level[parents] = Parent(level.Slice(start, group));
                start += group;
            }
            level = level[..parents];
        }
        var root = level[0].Hash;
        ArrayPool<Chunk>.Shared.Return(rented);
        return root;
    }

    /// <summary>The number of nodes in the group that begins here.</summary>
    internal static int GroupLength(ReadOnlySpan<Chunk> nodes)
    {
        var end = Math.Min(MaxGroup, nodes.Length);
        for (var i = 0; i < end; i++)
            if (EndsGroup(i + 1, nodes[i]))
                return i + 1;
        return end;
    }

    /// <summary>Whether a group ends at this node, its <paramref name="count"/>th.</summary>
    internal static bool EndsGroup(int count, Chunk node) => count == MaxGroup || (count >= 3 && node.Hash.LastWord % 4 == 0);

    internal static Chunk Parent(ReadOnlySpan<Chunk> children)
    {
        Span<byte> lines = stackalloc byte[MaxGroup * MaxLine];
        var written = 0;
        ulong length = 0;
        foreach (var child in children)
        {
            child.Hash.WriteText(lines[written..]);
            written += 64;
            Utf8.TryWrite(lines[written..], $" : {child.Length}\n", out var tail);
            written += tail;
            length += child.Length;
        }
        return new Chunk(XetHash.Keyed(XetKeys.Node, lines[..written]), length);
    }
}
