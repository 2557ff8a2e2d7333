namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>
/// The last of DeepSeek-V3's three patterns, with S = every ASCII punctuation mark and symbol:
/// <c>S[A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>
/// </summary>
sealed class DeepSeekV3Scanner : PreTokenizer
{
    const CharClass Word = CharClass.Letter | CharClass.Mark;
    const CharClass Sign = CharClass.Punctuation | CharClass.Symbol;

    public override int Next(ReadOnlySpan<byte> text, int at)
    {
        var end = Match(text, at, out var next);
        while (end < 0 && next < text.Length && Match(text, next, out var after) < 0)
            next = after;
        return end < 0 ? next : end;
    }

    static int Match(ReadOnlySpan<byte> text, int at, out int next)
    {
        var classes = Characters.At(text, at, out next);
        var following = Characters.AtOrNone(text, next);
        if ((classes & Sign) != 0 && text[at] < 0x80 && (following & CharClass.AsciiLetter) != 0)
            return Characters.EndOfRun(text, next, CharClass.AsciiLetter);
        if ((classes & Word) != 0 || (classes & (CharClass.Newline | Sign)) == 0 && (following & Word) != 0)
            return Characters.EndOfRun(text, next, Word);
        if ((classes & Sign) != 0 || text[at] == ' ' && (following & Sign) != 0)
            return Characters.EndOfRun(text, Characters.EndOfRun(text, next, Sign), CharClass.Newline);
        return (classes & CharClass.Space) != 0 ? Whitespace.EndWithNewlines(text, at) : -1;
    }
}
