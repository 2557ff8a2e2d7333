namespace Banyan.Evaluation.Contamination;

/// <summary>
/// Which items contain which grams. Immutable once built; a bit filter answers the usual case, "none", without a table look-up.
/// </summary>
sealed class GramIndex
{
    const int FilterBits = 23;
    readonly ulong[] _filter = new ulong[1 << (FilterBits - 6)];
    readonly Dictionary<ulong, (int Item, int Gram)[]> _postings;

    /// <summary>Built from each item's grams, in order; duplicate grams count once.</summary>
    /// <param name="items">Each item's grams, and its number of tokens.</param>
    /// <param name="problems">Each item's task and source problem.</param>
    /// <param name="leastGrams">An item with fewer distinct grams is too short to decide.</param>
    public GramIndex(IReadOnlyList<(IReadOnlyList<ulong> Grams, int Tokens)> items,
        IReadOnlyList<(string Task, string Problem)> problems, int leastGrams)
    {
        // GPT-3's rule (Brown et al. 2020, app. C): a gram that more than ten items have is boilerplate.
        var common = Enumerable.Range(0, items.Count)
            .SelectMany(i => items[i].Grams.Distinct().Select(gram => (gram, problems[i].Task, problems[i].Problem))).Distinct()
            .GroupBy(x => (x.gram, x.Task)).Where(g => g.Count() > MostItems).Select(g => g.Key).ToHashSet();
        var postings = new Dictionary<ulong, List<(int, int)>>();
        Windows = new int[items.Count];
        Counts = new int[items.Count];
        for (var i = 0; i < items.Count; i++)
        {
            var own = items[i].Grams.Distinct().Where(g => !common.Contains((g, problems[i].Task))).ToList();
            if (own.Count < leastGrams)
                continue;
            Counts[i] = own.Count;
            Windows[i] = 2 * items[i].Tokens;
            for (var g = 0; g < own.Count; g++)
            {
                if (!postings.TryGetValue(own[g], out var list))
                    postings[own[g]] = list = [];
                list.Add((i, g));
                _filter[(own[g] >> 6) & ((1 << (FilterBits - 6)) - 1)] |= 1UL << (int)(own[g] & 63);
            }
        }
        _postings = postings.ToDictionary(p => p.Key, p => p.Value.ToArray());
    }

    /// <summary>A gram shared by more items of a task than this indicates none of them.</summary>
    public const int MostItems = 10;

    /// <summary>Each item's distinct grams; 0: too short.</summary>
    public int[] Counts { get; }

    /// <summary>The window of a document in tokens for each item: twice its own length.</summary>
    public int[] Windows { get; }

    /// <summary>The items that contain a gram, with its number in each.</summary>
    public ReadOnlySpan<(int Item, int Gram)> Find(ulong gram) =>
        (_filter[(gram >> 6) & ((1 << (FilterBits - 6)) - 1)] >> (int)(gram & 63) & 1) == 0 ? []
        : _postings.TryGetValue(gram, out var found) ? found : [];
}
