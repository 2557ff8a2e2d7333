using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers.BytePairs;

/// <summary>
/// SentencePiece's BPE merges the adjacent pair that spells the token with the highest score, leftmost among equals. That is byte-pair
/// encoding with a merge for every way to split every token in two, ranked by the token's score.
/// </summary>
static class ScoredMerges
{
    /// <summary>
    /// Longer tokens are never built from text. This bounds the cost of loading a hostile vocabulary. (By default SentencePiece makes
    /// tokens of up to 16 characters; the longest of Llama 2 has 16 bytes.)
    /// </summary>
    public const int LongestToken = 256;

    public static MergeTable Make(Vocabulary vocabulary, CharacterSymbols symbols, float[] scores)
    {
        var ranks = new Dictionary<float, int>();
        foreach (var score in scores.Distinct().OrderDescending())
            ranks.Add(score, ranks.Count);

        var merges = new List<Merge>(vocabulary.Count * 4);
        for (var id = 0; id < vocabulary.Count; id++)
        {
            var token = vocabulary.Bytes(id);
            if (token.Length <= LongestToken && vocabulary.Find(token) == id)
                Cut(vocabulary, symbols, token, ranks[scores[id]], id, merges);
        }
        return new MergeTable(merges);
    }

    static void Cut(Vocabulary vocabulary, CharacterSymbols symbols, ReadOnlySpan<byte> token, int rank, int id, List<Merge> merges)
    {
        Characters.CodePoint(token, 0, out var at);
        while (at < token.Length)
        {
            var left = Find(vocabulary, symbols, token[..at]);
            if (left >= 0 && Find(vocabulary, symbols, token[at..]) is var right and >= 0)
                merges.Add(new Merge(left, right, rank, id));
            Characters.CodePoint(token, at, out at);
        }
    }

    static int Find(Vocabulary vocabulary, CharacterSymbols symbols, ReadOnlySpan<byte> part)
    {
        var symbol = symbols.Symbol(part, 0, out var end);
        return end == part.Length ? symbol : vocabulary.Find(part);
    }
}
