namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>The endings that nearly every published pattern shares.</summary>
static class Whitespace
{
    /// <summary>\s+(?!\S)|\s+ : a run of white space but for its last character, which the word after it takes.</summary>
    public static int End(ReadOnlySpan<byte> text, int at) => WithoutLast(text, at, Characters.EndOfRun(text, at, CharClass.Space));

    /// <summary>\s*[\r\n]+|\s+(?!\S)|\s+ : up to the run's last line break, if it has one.</summary>
    public static int EndWithNewlines(ReadOnlySpan<byte> text, int at)
    {
        var end = Characters.EndOfRun(text, at, CharClass.Space);
        var newline = text[at..end].LastIndexOfAny((byte)'\r', (byte)'\n');
        return newline >= 0 ? at + newline + 1 : WithoutLast(text, at, end);
    }

    static int WithoutLast(ReadOnlySpan<byte> text, int at, int end)
    {
        if (end == text.Length)
            return end;
        var last = end - 1;
        while ((text[last] & 0xC0) == 0x80)
            last--;
        return last > at ? last : end;
    }
}
