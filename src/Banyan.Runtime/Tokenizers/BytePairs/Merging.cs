using System.Buffers;

namespace Banyan.Runtime.Tokenizers.BytePairs;

/// <summary>Byte-pair encoding proper: while any adjacent pair merges, merge the one of lowest rank, leftmost among equals.</summary>
static class Merging
{
    /// <summary>Words up to this many symbols are scanned for their lowest pair; longer ones use a heap.</summary>
    public const int Short = 32;

    /// <summary>Merges in place; at most <see cref="Short"/> symbols.</summary>
    /// <returns>The number of symbols left.</returns>
    public static int MergeShort(MergeTable merges, Span<int> symbols)
    {
        var count = symbols.Length;
        Span<int> ranks = stackalloc int[Short];
        Span<int> results = stackalloc int[Short];
        for (var i = 0; i + 1 < count; i++)
            ranks[i] = merges.Rank(symbols[i], symbols[i + 1], out results[i]);

        while (true)
        {
            var lowest = MergeTable.None;
            var at = -1;
            for (var i = 0; i + 1 < count; i++)
            {
                if (ranks[i] < lowest)
                    (lowest, at) = (ranks[i], i);
            }
            if (at < 0)
                return count;

            symbols[at] = results[at];
            count--;
            for (var i = at + 1; i < count; i++)
            {
                symbols[i] = symbols[i + 1];
                ranks[i] = ranks[i + 1];
                results[i] = results[i + 1];
            }
            if (at > 0)
                ranks[at - 1] = merges.Rank(symbols[at - 1], symbols[at], out results[at - 1]);
            if (at + 1 < count)
                ranks[at] = merges.Rank(symbols[at], symbols[at + 1], out results[at]);
        }
    }

    /// <summary>Merges in place, in n·log n steps for n symbols.</summary>
    /// <param name="merges">The merges.</param>
    /// <param name="symbols">The word's symbols.</param>
    /// <param name="steps">How often a pair was pushed or popped.</param>
    /// <returns>The number of symbols left.</returns>
    public static int MergeLong(MergeTable merges, Span<int> symbols, out long steps)
    {
        // A linked list of symbols. A heap of (rank, position of the left symbol) may contain entries that later merges have made stale.
        // An entry is valid exactly if the pair at its position still has its rank, because then that pair is the next to merge anyway.
        var count = symbols.Length;
        var rented = ArrayPool<int>.Shared.Rent(count * 4);
        var next = rented.AsSpan(0, count);
        var previous = rented.AsSpan(count, count);
        var ranks = rented.AsSpan(count * 2, count);
        var results = rented.AsSpan(count * 3, count);
        using var heap = new MinHeap(count);
        steps = 0;
        for (var i = 0; i < count; i++)
        {
            next[i] = i + 1 < count ? i + 1 : -1;
            previous[i] = i - 1;
            ranks[i] = MergeTable.None;
            if (i + 1 < count)
                steps += Consider(i, symbols, next, ranks, results, merges, heap);
        }

        while (heap.TryPop(out var entry))
        {
            steps++;
            var at = (int)(uint)entry;
            if (ranks[at] != (int)(entry >> 32))
                continue;

            var taken = next[at];
            symbols[at] = results[at];
            next[at] = next[taken];
            ranks[taken] = MergeTable.None;
            if (next[at] >= 0)
                previous[next[at]] = at;
            steps += Consider(at, symbols, next, ranks, results, merges, heap);
            if (previous[at] >= 0)
                steps += Consider(previous[at], symbols, next, ranks, results, merges, heap);
        }

        var left = 0;
        for (var at = 0; at >= 0; at = next[at])
            symbols[left++] = symbols[at];
        ArrayPool<int>.Shared.Return(rented);
        return left;
    }

    static int Consider(int at, Span<int> symbols, Span<int> next, Span<int> ranks, Span<int> results, MergeTable merges, MinHeap heap)
    {
        ranks[at] = next[at] < 0 ? MergeTable.None : merges.Rank(symbols[at], symbols[next[at]], out results[at]);
        if (ranks[at] == MergeTable.None)
            return 0;
        heap.Push((ulong)ranks[at] << 32 | (uint)at);
        return 1;
    }
}
