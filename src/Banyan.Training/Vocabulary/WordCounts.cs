using Banyan.Runtime.Tokenizers;

namespace Banyan.Training.Vocabulary;

/// <summary>The pieces that a tokenizer cuts texts into, counted. The rarest are dropped if there are too many.</summary>
internal sealed class WordCounts : TextEncoder
{
    const int Longest = 256, Most = 1 << 20;

    readonly Dictionary<string, long> _counts = [];

    /// <summary>Counts a piece. Long pieces are ignored: they are data rather than language.</summary>
    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        if (piece.Length is < 2 or > Longest)
            return;
        Span<char> bytes = stackalloc char[Longest];
        for (var i = 0; i < piece.Length; i++)
            bytes[i] = (char)piece[i];
        var known = _counts.GetAlternateLookup<ReadOnlySpan<char>>();
        known[bytes[..piece.Length]] = known.TryGetValue(bytes[..piece.Length], out var count) ? count + 1 : 1;
        if (_counts.Count <= Most)
            return;
        for (var rare = 1L; _counts.Count > Most / 2; rare *= 2)
            foreach (var (word, times) in _counts)
                if (times <= rare)
                    _counts.Remove(word);
    }

    /// <summary>The pieces as an encoder's tokens, with how often each was counted, in a deterministic order.</summary>
    public List<(int[] Tokens, long Count)> Words(TextEncoder encoder)
    {
        var words = new List<(int[], long)>();
        var ids = new List<int>();
        foreach (var (word, count) in _counts.OrderBy(w => w.Key, StringComparer.Ordinal))
        {
            ids.Clear();
            encoder.Encode([.. word.Select(c => (byte)c)], ids);
            if (ids.Count > 1)
                words.Add(([.. ids], count));
        }
        return words;
    }
}
