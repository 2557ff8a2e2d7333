namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>
/// Splits text into pieces that byte-pair encoding never merges across. A piece is a match of the pre-tokenizer's published pattern or
/// the gap between two matches, so the concatenation of all pieces is the text. Scanners are written by hand: they read each character a
/// bounded number of times whatever the text, which a backtracking regex does not guarantee.
/// </summary>
abstract class PreTokenizer
{
    /// <summary>The end of the piece that begins at <paramref name="at"/>: greater than it, at most the text's length.</summary>
    /// <param name="text">Valid UTF-8. Look-ahead sees its end as the end of the text.</param>
    /// <param name="at">Where the last piece ended; less than the text's length.</param>
    public abstract int Next(ReadOnlySpan<byte> text, int at);
}
