namespace Banyan.Runtime.Tokenizers;

/// <summary>
/// WordPiece (BERT, arXiv 1810.04805): a word is cut into the longest tokens there are, from its beginning on; a word that cannot be cut so
/// is one unknown token. The vocabulary marks tokens that begin words with a space.
/// </summary>
sealed class WordPieceEncoder(Vocabulary vocabulary, int unknown) : TextEncoder
{
    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        var before = ids.Count;
        for (var at = 0; at < piece.Length;)
        {
            var (id, end) = (-1, Math.Min(piece.Length, at + vocabulary.Longest));
            while (end > at && (id = vocabulary.Find(piece[at..end])) < 0)
                end--;
            if (id < 0)
            {
                ids.RemoveRange(before, ids.Count - before);
                ids.Add(unknown);
                return;
            }
            ids.Add(id);
            at = end;
        }
    }
}
