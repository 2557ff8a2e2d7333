namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>'s|'t|'re|'ve|'m|'ll|'d</summary>
static class Contraction
{
    /// <summary>The end of the contraction whose apostrophe is at <paramref name="at"/>, or -1 if there is none.</summary>
    public static int End(ReadOnlySpan<byte> text, int at)
    {
        if (text[at] != '\'' || at + 1 >= text.Length)
            return -1;
        var first = text[at + 1];
        if (first is (byte)'s' or (byte)'t' or (byte)'m' or (byte)'d')
            return at + 2;
        return IsPair(first, at + 2 < text.Length ? text[at + 2] : (byte)0) ? at + 3 : -1;
    }

    /// <summary>
    /// The same with (?i:…), where Unicode's long s (U+017F) also counts as an s, as in the tokenizers that define these patterns.
    /// </summary>
    public static int EndIgnoringCase(ReadOnlySpan<byte> text, int at)
    {
        if (text[at] != '\'' || at + 1 >= text.Length)
            return -1;
        var first = (byte)(text[at + 1] | 0x20);
        if (first is (byte)'s' or (byte)'t' or (byte)'m' or (byte)'d')
            return at + 2;
        if (IsPair(first, at + 2 < text.Length ? (byte)(text[at + 2] | 0x20) : (byte)0))
            return at + 3;
        return text[(at + 1)..].StartsWith("ſ"u8) ? at + 3 : -1;
    }

    static bool IsPair(byte first, byte second) =>
        (first, second) is ((byte)'r', (byte)'e') or ((byte)'v', (byte)'e') or ((byte)'l', (byte)'l');
}
