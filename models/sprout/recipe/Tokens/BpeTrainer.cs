using System.Runtime.InteropServices;
using System.Text;

namespace Banyan.Sprout.Tokens;

/// <summary>Learns byte-pair merges (Sennrich et al. 2016, arXiv 1508.07909) from counted pieces, updating only the words a merge touches.</summary>
internal sealed class BpeTrainer
{
    private const int LongestTokenBytes = 32;

    private readonly List<int[]> _words = [];
    private readonly List<long> _wordCounts = [];
    private readonly Dictionary<(int Left, int Right), long> _pairCounts = [];
    private readonly Dictionary<(int Left, int Right), HashSet<int>> _pairWords = [];
    private readonly PriorityQueue<(int Left, int Right), (long NegativeCount, int Left, int Right)> _queue = new();
    private readonly List<byte[]> _vocabulary = [];

    /// <summary>Learns a vocabulary of <paramref name="size"/> ordinary tokens: the 256 bytes, then one token a merge.</summary>
    public static Vocabulary Train(IEnumerable<string> texts, int size) => new BpeTrainer().Run(texts, size);

    private Vocabulary Run(IEnumerable<string> texts, int size)
    {
        byte[] order = ByteAlphabet.BytesInTokenOrder();
        var idOfByte = new int[256];
        for (int id = 0; id < 256; id++)
        {
            idOfByte[order[id]] = id;
            _vocabulary.Add([order[id]]);
        }

        foreach (var (piece, count) in CountPieces(texts))
        {
            _words.Add([.. Encoding.UTF8.GetBytes(piece).Select(b => idOfByte[b])]);
            _wordCounts.Add(count);
        }

        for (int word = 0; word < _words.Count; word++)
        {
            AddPairs(word, sign: 1);
        }

        foreach (var (pair, count) in _pairCounts)
        {
            _queue.Enqueue(pair, (-count, pair.Left, pair.Right));
        }

        var merges = new List<(int, int)>();
        while (_vocabulary.Count < size && _queue.TryDequeue(out var pair, out var priority))
        {
            long count = _pairCounts.GetValueOrDefault(pair);
            if (count != -priority.NegativeCount)
            {
                if (count > 0)
                {
                    _queue.Enqueue(pair, (-count, pair.Left, pair.Right)); // the queued count was stale
                }

                continue;
            }

            if (_vocabulary[pair.Left].Length + _vocabulary[pair.Right].Length > LongestTokenBytes)
            {
                continue;
            }

            merges.Add(pair);
            Merge(pair);
        }

        return new(_vocabulary, merges);
    }

    private static Dictionary<string, long> CountPieces(IEnumerable<string> texts)
    {
        var counts = new Dictionary<string, long>();
        var lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (string text in texts)
        {
            foreach (var match in PreTokenizer.Pieces(text))
            {
                CollectionsMarshal.GetValueRefOrAddDefault(lookup, text.AsSpan(match.Index, match.Length), out _)++;
            }
        }

        return counts;
    }

    private void Merge((int Left, int Right) pair)
    {
        int id = _vocabulary.Count;
        _vocabulary.Add([.. _vocabulary[pair.Left], .. _vocabulary[pair.Right]]);
        var changed = new HashSet<(int Left, int Right)>();
        foreach (int word in _pairWords[pair])
        {
            AddPairs(word, sign: -1);
            int[] old = _words[word];
            var merged = new List<int>(old.Length);
            for (int i = 0; i < old.Length; i++)
            {
                bool match = i + 1 < old.Length && old[i] == pair.Left && old[i + 1] == pair.Right;
                merged.Add(match ? id : old[i]);
                i += match ? 1 : 0;
            }

            _words[word] = [.. merged];
            AddPairs(word, sign: 1);
            for (int i = 0; i + 1 < merged.Count; i++)
            {
                if (merged[i] == id || merged[i + 1] == id)
                {
                    changed.Add((merged[i], merged[i + 1]));
                }
            }
        }

        _pairCounts.Remove(pair);
        _pairWords.Remove(pair);
        foreach (var neighbour in changed)
        {
            if (_pairCounts.TryGetValue(neighbour, out long count) && count > 0)
            {
                _queue.Enqueue(neighbour, (-count, neighbour.Left, neighbour.Right));
            }
        }
    }

    private void AddPairs(int word, int sign)
    {
        int[] ids = _words[word];
        for (int i = 0; i + 1 < ids.Length; i++)
        {
            var pair = (ids[i], ids[i + 1]);
            CollectionsMarshal.GetValueRefOrAddDefault(_pairCounts, pair, out _) += sign * _wordCounts[word];
            if (sign > 0)
            {
                ref var words = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairWords, pair, out _);
                (words ??= []).Add(word);
            }
        }
    }
}
