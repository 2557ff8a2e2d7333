using System.Numerics;

namespace Banyan.Runtime.Tokenizers.BytePairs;

/// <summary>A pair of adjacent symbols that is merged into one.</summary>
/// <param name="Left">The left symbol.</param>
/// <param name="Right">The right symbol.</param>
/// <param name="Rank">Lower ranks merge first.</param>
/// <param name="Result">The token they become.</param>
readonly record struct Merge(int Left, int Right, int Rank, int Result);

/// <summary>All merges of a vocabulary, looked up by their pair.</summary>
sealed class MergeTable
{
    /// <summary>The rank of a pair that does not merge.</summary>
    public const int None = int.MaxValue;

    readonly Merge[] _slots; // Rank None where empty

    public MergeTable(IReadOnlyCollection<Merge> merges)
    {
        _slots = new Merge[BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, merges.Count * 3L / 2))];
        Array.Fill(_slots, new Merge(-1, -1, None, -1));
        foreach (var merge in merges)
        {
            ref var slot = ref Slot(merge.Left, merge.Right);
            if (slot.Rank == None) // of two with one pair the first counts
                slot = merge;
        }
    }

    /// <summary>The rank of a pair and its result; <see cref="None"/> if it does not merge.</summary>
    public int Rank(int left, int right, out int result)
    {
        ref var slot = ref Slot(left, right);
        result = slot.Result;
        return slot.Rank;
    }

    /// <summary>The slot that holds a pair, or the empty slot where it would be.</summary>
    ref Merge Slot(int left, int right)
    {
        var slots = _slots;
        var mask = (uint)slots.Length - 1;
        var at = (uint)Hashing.Of((ulong)(uint)left << 32 | (uint)right) & mask;
        while (slots[at].Rank != None && (slots[at].Left != left || slots[at].Right != right))
            at = at + 1 & mask;
        return ref slots[at];
    }
}
