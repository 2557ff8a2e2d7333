using System.Text;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>
/// Strings as Python sees them, by code point: an emoji has length 1. Text without surrogates, which is nearly all text, takes a direct
/// path.
/// </summary>
static class CodePoints
{
    public static bool AreChars(string text) => text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0;

    public static int Count(string text) => AreChars(text) ? text.Length : text.EnumerateRunes().Count();

    public static string[] Split(string text)
    {
        if (AreChars(text))
            return [.. text.Select(c => c.ToString())];
        return [.. text.EnumerateRunes().Select(r => r.ToString())];
    }

    /// <summary>The position in code points of a position in chars.</summary>
    public static int FromChar(string text, int position) => position <= 0 || AreChars(text) ? position : Count(text[..position]);

    /// <summary>The position in chars of a position in code points, at most the length.</summary>
    public static int ToChar(string text, int position)
    {
        if (AreChars(text))
            return Math.Min(position, text.Length);
        var at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (position-- <= 0)
                break;
            at += rune.Utf16SequenceLength;
        }
        return at;
    }

    public static string Take(string text, int from, int to) => from >= to ? "" : text[ToChar(text, from)..ToChar(text, to)];

    public static string Reverse(string text)
    {
        var parts = Split(text);
        Array.Reverse(parts);
        return string.Concat(parts);
    }

    /// <summary>Order by code point, which differs from UTF-16 order when surrogates are compared with U+E000 and above.</summary>
    public static int Compare(string a, string b)
    {
        var at = a.AsSpan().CommonPrefixLength(b);
        if (at == a.Length || at == b.Length)
            return a.Length.CompareTo(b.Length);
        return char.IsSurrogate(a[at]) != char.IsSurrogate(b[at]) ? (char.IsSurrogate(a[at]) ? 1 : -1) : a[at].CompareTo(b[at]);
    }
}
