using System.Buffers;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers;

/// <summary>
/// SentencePiece's unigram model (arXiv 1804.10959): of all ways to cut a text into tokens, the one whose scores sum to the most. A
/// character of no token is unknown, at a score below all others; unknown ones in a row are one token.
/// </summary>
sealed class UnigramEncoder : TextEncoder
{
    const float UnknownPenalty = 10;

    readonly Vocabulary _vocabulary;
    readonly float[] _scores;
    readonly int _unknown;
    readonly float _unknownScore;

    public UnigramEncoder(Vocabulary vocabulary, float[] scores, int unknown)
    {
        (_vocabulary, _scores, _unknown) = (vocabulary, scores, unknown);
        var least = 0f;
        for (var id = 0; id < vocabulary.Count; id++)
            if (vocabulary.Kind(id) == TokenKind.Normal)
                least = Math.Min(least, scores[id]);
        _unknownScore = least - UnknownPenalty;
    }

    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        var count = piece.Length;
        var rented = ArrayPool<int>.Shared.Rent(2 * (count + 1));
        var totals = ArrayPool<double>.Shared.Rent(count + 1);
        Span<int> tokens = rented.AsSpan(0, count + 1), starts = rented.AsSpan(count + 1, count + 1);
        totals.AsSpan(0, count + 1).Fill(double.NegativeInfinity);
        totals[0] = 0;
        for (var at = 0; at < count;)
        {
            Characters.CodePoint(piece, at, out var next);
            var isCovered = false;
            for (var end = next; end <= Math.Min(count, at + _vocabulary.Longest); end++)
            {
                if (end < count && (piece[end] & 0xC0) == 0x80 || _vocabulary.Find(piece[at..end]) is not (>= 0 and var id))
                    continue;
                isCovered |= end == next;
                Offer(tokens, starts, totals, at, end, id, _vocabulary.Kind(id) == TokenKind.UserDefined ? 0 : _scores[id]);
            }
            if (!isCovered)
                Offer(tokens, starts, totals, at, next, _unknown, _unknownScore);
            at = next;
        }
        var before = ids.Count;
        for (var end = count; end > 0; end = starts[end])
            if (tokens[end] != _unknown || ids.Count == before || ids[^1] != _unknown)
                ids.Add(tokens[end]);
        ids.Reverse(before, ids.Count - before);
        // What came before this piece counts too.
        if (before > 0 && ids[before] == _unknown && ids[before - 1] == _unknown)
            ids.RemoveAt(before);
        ArrayPool<int>.Shared.Return(rented);
        ArrayPool<double>.Shared.Return(totals);
    }

    static void Offer(Span<int> tokens, Span<int> starts, double[] totals, int at, int end, int id, double score)
    {
        if (totals[at] + score <= totals[end])
            return;
        (totals[end], tokens[end], starts[end]) = (totals[at] + score, id, at);
    }
}
