namespace Banyan.Evaluation.Contamination;

/// <summary>
/// Splits text into words: runs of letters, digits and underscores, in lower case; everything else separates. A word may start in one piece
/// of text and end in the next. Emits each word's hash, and whether it contains more than digits.
/// </summary>
sealed class WordLexer(Action<ulong, bool> onWord)
{
    const ulong Seed = 0xcbf29ce484222325, Prime = 0x100000001b3; // FNV-1a

    static readonly char[] s_lower =
        [.. Enumerable.Range(0, 128)
            .Select(i => (char)i is var c && (char.IsAsciiLetterOrDigit(c) || c == '_') ? char.ToLowerInvariant(c) : '\0')];

    ulong _word = Seed;
    bool _inWord, _lettered;

    public void Read(ReadOnlySpan<char> text)
    {
        var (word, inWord, lettered) = (_word, _inWord, _lettered);
        foreach (var c in text)
        {
            var letter = c < 128 ? s_lower[c] : char.IsLetterOrDigit(c) || char.IsSurrogate(c) ? char.ToLowerInvariant(c) : '\0';
            if (letter != 0)
            {
                word = (word ^ letter) * Prime;
                inWord = true;
                lettered |= letter > '9';
            }
            else if (inWord)
            {
                onWord(Mixed(word), lettered);
                (word, inWord, lettered) = (Seed, false, false);
            }
        }
        (_word, _inWord, _lettered) = (word, inWord, lettered);
    }

    /// <summary>Ends the text and its last word.</summary>
    public void End() => Read(" ");

    /// <summary>
    /// FNV's low bits depend little on the last letters; after this every bit depends on every letter (the end of MurmurHash3).
    /// </summary>
    internal static ulong Mixed(ulong hash)
    {
        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
        return hash ^ (hash >> 33);
    }
}
