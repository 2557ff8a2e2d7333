using System.Globalization;
using System.Text;

namespace Banyan.Runtime.Templates.Values;

/// <summary>The differences of Python's <c>str</c> from .NET's string: white space, lines, case mapping, printable characters.</summary>
static class PythonText
{
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    public static string StripStart(string text, string? chars)
    {
        var from = 0;
        while (from < text.Length && Stripped(text, from, chars, out var width))
            from += width;
        return text[from..];
    }

    public static string StripEnd(string text, string? chars)
    {
        var to = text.Length;
        while (to > 0)
        {
            var at = to > 1 && char.IsSurrogatePair(text, to - 2) ? to - 2 : to - 1;
            if (!Stripped(text, at, chars, out _))
                break;
            to = at;
        }
        return text[..to];
    }

    public static string Strip(string text, string? chars) => StripEnd(StripStart(text, chars), chars);

    static bool Stripped(string text, int at, string? chars, out int width)
    {
        width = char.IsSurrogatePair(text, Math.Min(at, text.Length - 2 < 0 ? 0 : text.Length - 2)) && at + 1 < text.Length
            && char.IsSurrogatePair(text[at], text[at + 1]) ? 2 : 1;
        return chars is null ? IsSpace(text[at]) : chars.AsSpan().IndexOf(text.AsSpan(at, width)) >= 0;
    }

    /// <summary>Python's <c>splitlines</c>: more characters than \n end a line.</summary>
    public static List<string> Lines(string text, bool keepEnds = false)
    {
        var lines = new List<string>();
        for (var start = 0; start < text.Length;)
        {
            var end = text.AsSpan(start).IndexOfAny("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029");
            if (end < 0)
            {
                lines.Add(text[start..]);
                break;
            }
            end += start;
            var next = end + (text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? 2 : 1);
            lines.Add(text[start..(keepEnds ? next : end)]);
            start = next;
        }
        return lines;
    }

    /// <summary>Upper case; a character may become two or three (ß → SS).</summary>
    public static string Upper(string text) => CaseMapping.Expand(text.ToUpperInvariant(), CaseMapping.Upper);

    public static string Lower(string text)
    {
        var lower = text.ToLowerInvariant();
        if (lower.Contains('İ'))
            lower = lower.Replace("İ", "i̇");
        return text.Contains('Σ') ? FinalSigma(text, lower) : lower;
    }

    public static string Capitalize(string text)
    {
        if (text.Length == 0)
            return text;
        var first = char.IsSurrogatePair(text, 0) ? 2 : 1;
        return Title(text[..first]) + Lower(text)[Lower(text[..first]).Length..];
    }

    /// <summary>One character's title case.</summary>
    public static string Title(string character) => CaseMapping.Title(character);

    /// <summary>Python's <c>title()</c>: a letter after a letter becomes lower case, any other letter title case.</summary>
    public static string TitleWords(string text)
    {
        var result = new StringBuilder(text.Length);
        var inWord = false;
        foreach (var rune in text.EnumerateRunes())
        {
            result.Append(inWord ? Lower(rune.ToString()) : Title(rune.ToString()));
            inWord = IsCased(rune);
        }
        return text.Contains('Σ') ? FinalSigma(text, result.ToString()) : result.ToString();
    }

    public static bool IsCased(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter
        or UnicodeCategory.TitlecaseLetter;

    /// <summary>Whether Python's repr shows the character itself.</summary>
    public static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    // Σ at the end of a word is ς.
    static string FinalSigma(string text, string lower)
    {
        var result = lower.ToCharArray();
        for (var i = 0; i < text.Length && lower.Length == text.Length; i++)
            if (text[i] == 'Σ' && i > 0 && char.IsLetter(text[i - 1]) && (i + 1 == text.Length || !char.IsLetter(text[i + 1])))
                result[i] = 'ς';
        return new string(result);
    }
}
