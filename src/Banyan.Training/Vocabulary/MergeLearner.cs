namespace Banyan.Training.Vocabulary;

/// <summary>A pair of tokens that becomes one.</summary>
/// <param name="Left">The left one.</param>
/// <param name="Right">The right one.</param>
/// <param name="Result">What they become.</param>
internal readonly record struct LearnedMerge(int Left, int Right, int Result);

/// <summary>
/// Byte-pair merges (Sennrich et al., arXiv 1508.07909) continued on words of a base's tokens: the most frequent pair becomes a token,
/// again and again. They rank after the base's own, so a text's new tokens are those merges of its old ones.
/// </summary>
internal sealed class MergeLearner
{
    const int LeastCount = 2;

    readonly int[][] _words;
    readonly long[] _times;
    readonly Dictionary<long, long> _counts = [];
    readonly Dictionary<long, HashSet<int>> _places = [];
    readonly PriorityQueue<long, (long Fewer, long Pair)> _queue = new(); // entries may be out of date
    readonly HashSet<long> _touched = [];

    /// <param name="words">Words as tokens, each of two or more.</param>
    public MergeLearner(IReadOnlyList<(int[] Tokens, long Count)> words)
    {
        (_words, _times) = ([.. words.Select(w => w.Tokens)], [.. words.Select(w => w.Count)]);
        for (var word = 0; word < _words.Length; word++)
            Count(word, 1);
        Queue();
    }

    /// <summary>Current number of tokens of all words.</summary>
    public long Tokens => _words.Zip(_times, (word, times) => word.Length * times).Sum();

    /// <summary>Learns merges until there are this many new tokens or no pair occurs twice.</summary>
    /// <param name="tokens">New tokens.</param>
    /// <param name="resultOf">The token that a pair becomes: a new one for a new text; null if the pair must not be merged.</param>
    public IReadOnlyList<LearnedMerge> Learn(int tokens, Func<int, int, (int Token, bool IsNew)?> resultOf)
    {
        var merges = new List<LearnedMerge>();
        while (tokens > 0 && _queue.TryDequeue(out var pair, out var entry))
        {
            var count = _counts.GetValueOrDefault(pair);
            if (count != -entry.Fewer || count < LeastCount)
                continue; // one that is right was queued when it changed
            var (left, right) = ((int)(pair >> 32), (int)pair);
            if (resultOf(left, right) is not { } result)
                continue;
            merges.Add(new(left, right, result.Token));
            tokens -= result.IsNew ? 1 : 0;
            foreach (var word in _places[pair].ToArray())
            {
                Count(word, -1);
                _words[word] = Merged(_words[word], left, right, result.Token);
                Count(word, 1);
            }
            Queue();
        }
        return merges;
    }

    static int[] Merged(int[] word, int left, int right, int result)
    {
        var merged = new List<int>(word.Length);
        for (var i = 0; i < word.Length; i++)
            merged.Add(i + 1 < word.Length && word[i] == left && word[i + 1] == right ? Skip(ref i, result) : word[i]);
        return [.. merged];

        static int Skip(ref int i, int result)
        {
            i++;
            return result;
        }
    }

    void Count(int word, int sign)
    {
        var tokens = _words[word];
        for (var i = 0; i + 1 < tokens.Length; i++)
        {
            var pair = (long)tokens[i] << 32 | (uint)tokens[i + 1];
            _counts[pair] = _counts.GetValueOrDefault(pair) + sign * _times[word];
            _touched.Add(pair);
            if (!_places.TryGetValue(pair, out var places))
                _places.Add(pair, places = []);
            if (sign > 0)
                places.Add(word);
            else
                places.Remove(word);
        }
    }

    void Queue()
    {
        foreach (var pair in _touched)
        {
            if (_counts[pair] >= LeastCount)
                _queue.Enqueue(pair, (-_counts[pair], pair));
            else if (_counts[pair] == 0)
            {
                _counts.Remove(pair);
                _places.Remove(pair);
            }
        }
        _touched.Clear();
    }
}
