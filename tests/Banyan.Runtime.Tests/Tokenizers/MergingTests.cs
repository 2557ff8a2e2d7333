using Banyan.Runtime.Tokenizers.BytePairs;
using CsCheck;

namespace Banyan.Tests.Tokenizers;

public sealed class MergingTests
{
    /// <summary>Random merges over four symbols and what they build.</summary>
    static readonly Gen<MergeTable> s_merges = Gen.Select(Gen.Int[0, 11], Gen.Int[0, 11], Gen.Int[0, 3]).Array[0, 40]
        .Select(pairs =>
            new MergeTable([.. pairs.Select((pair, index) => new Merge(pair.Item1, pair.Item2, index / (1 + pair.Item3), 4 + index % 8))]));

    static readonly Gen<int[]> s_word = Gen.Int[0, 3].Array[1, Merging.Short];

    [Fact]
    public void Scanning_and_heap_agree_with_the_definition() => Gen.Select(s_merges, s_word).Sample((merges, word) =>
    {
        var expected = ByDefinition(merges, word);
        int[] scanned = [.. word], heaped = [.. word];
        Assert.Equal(expected, scanned[..Merging.MergeShort(merges, scanned)]);
        Assert.Equal(expected, heaped[..Merging.MergeLong(merges, heaped, out _)]);
    }, iter: 20_000);

    [Fact]
    public void Long_words_take_steps_in_proportion()
    {
        // a a → A, A A → B, … : every symbol takes part in as many merges as there can be.
        var merges = new MergeTable([.. Enumerable.Range(0, 16).Select(i => new Merge(i, i, i, i + 1))]);
        foreach (var length in new[] { 1_000, 10_000, 100_000 })
        {
            var word = new int[length];
            var left = Merging.MergeLong(merges, word, out var steps);
            Assert.InRange(left, 1, length / 1000 + 16);
            Assert.InRange(steps, length, 6L * length); // each symbol enters once, each merge adds at most two pairs
        }
    }

    [Fact]
    public void The_first_of_two_merges_of_one_pair_counts()
    {
        var merges = new MergeTable([new Merge(1, 2, 0, 3), new Merge(1, 2, 1, 4)]);
        Assert.Equal(0, merges.Rank(1, 2, out var result));
        Assert.Equal(3, result);
        Assert.Equal(MergeTable.None, merges.Rank(2, 1, out _));
    }

    static int[] ByDefinition(MergeTable merges, int[] word)
    {
        var symbols = word.ToList();
        while (true)
        {
            var at = -1;
            var lowest = MergeTable.None;
            for (var i = 0; i + 1 < symbols.Count; i++)
            {
                if (merges.Rank(symbols[i], symbols[i + 1], out _) is var rank && rank < lowest)
                    (lowest, at) = (rank, i);
            }
            if (at < 0)
                return [.. symbols];
            merges.Rank(symbols[at], symbols[at + 1], out var result);
            symbols[at] = result;
            symbols.RemoveAt(at + 1);
        }
    }
}
