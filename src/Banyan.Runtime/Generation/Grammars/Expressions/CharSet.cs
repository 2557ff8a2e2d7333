using System.Collections.Concurrent;
using System.Globalization;

namespace Banyan.Runtime.Generation.Grammars.Expressions;

/// <summary>A set of code points: sorted ranges that neither touch nor overlap. Surrogates are in none.</summary>
internal sealed class CharSet
{
    const int Last = 0x10FFFF;

    static readonly ConcurrentDictionary<string, CharSet?> s_properties = new(StringComparer.Ordinal);

    CharSet(IReadOnlyList<(int First, int Last)> ranges) => Ranges = ranges;

    public static CharSet All { get; } = Of((0, Last));

    public static CharSet None { get; } = Of();

    /// <summary>ECMAScript's \d.</summary>
    public static CharSet Digits { get; } = Of(('0', '9'));

    /// <summary>ECMAScript's \w.</summary>
    public static CharSet Word { get; } = Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));

    /// <summary>ECMAScript's \s.</summary>
    public static CharSet Space { get; } = Of((9, 13), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
        (0x2028, 0x2029), (0x202F, 0x202F),
        (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));

    /// <summary>ECMAScript's dot: all but the ends of lines.</summary>
    public static CharSet Dot { get; } = Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)).Not();

    public IReadOnlyList<(int First, int Last)> Ranges { get; }

    public static CharSet Of(params ReadOnlySpan<(int First, int Last)> ranges)
    {
        var sorted = new List<(int First, int Last)>();
        foreach (var (first, last) in ranges)
        {
            if (first < 0xD800)
                sorted.Add((first, Math.Min(last, 0xD7FF)));
            if (last > 0xDFFF)
                sorted.Add((Math.Max(first, 0xE000), last));
        }
        sorted.RemoveAll(range => range.First > range.Last);
        sorted.Sort();
        var merged = new List<(int First, int Last)>();
        foreach (var range in sorted)
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1)
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, range.Last));
            else
                merged.Add(range);
        return new CharSet(merged);
    }

    public static CharSet Of(int codePoint) => Of((codePoint, codePoint));

    public CharSet Or(CharSet other) => Of([.. Ranges, .. other.Ranges]);

    public CharSet Not()
    {
        var gaps = new List<(int, int)>();
        var next = 0;
        foreach (var (first, last) in Ranges)
        {
            gaps.Add((next, first - 1));
            next = last + 1;
        }
        gaps.Add((next, Last));
        return Of([.. gaps]);
    }

    public CharSet And(CharSet other) => Not().Or(other.Not()).Not();

    /// <summary>
    /// A general category by its short or long name, or one of the few other properties that schemas use; null for another.
    /// </summary>
    public static CharSet? Property(string name)
    {
        name = name.StartsWith("General_Category=", StringComparison.Ordinal) ? name["General_Category=".Length..]
            : name.StartsWith("gc=", StringComparison.Ordinal) ? name["gc=".Length..] : name;
        return s_properties.GetOrAdd(name, static name => name switch
        {
            "Any" => All,
            "ASCII" => Of((0, 0x7F)),
            "Alphabetic" or "Alpha" => null,
            _ => Categories(name) is { Length: > 0 } categories ? OfCategories(categories) : null,
        });
    }

    static CharSet OfCategories(string[] categories)
    {
        var wanted = new bool[30];
        foreach (var category in categories)
            wanted[Array.IndexOf(s_categories, category)] = true;
        var ranges = new List<(int, int)>();
        var first = -1;
        for (var codePoint = 0; codePoint <= Last + 1; codePoint++)
        {
            var isIn = codePoint <= Last && wanted[(int)CharUnicodeInfo.GetUnicodeCategory(codePoint)];
            if (isIn && first < 0)
                first = codePoint;
            else if (!isIn && first >= 0)
            {
                ranges.Add((first, codePoint - 1));
                first = -1;
            }
        }
        return Of([.. ranges]);
    }

    // In the order of System.Globalization.UnicodeCategory.
    static readonly string[] s_categories =
    [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Pc",
        "Pd", "Ps", "Pe", "Pi", "Pf",
        "Po", "Sm", "Sc", "Sk", "So", "Cn",
    ];

    static string[] Categories(string name) => name switch
    {
        "L" or "Letter" => ["Lu", "Ll", "Lt", "Lm", "Lo"],
        "LC" or "Cased_Letter" => ["Lu", "Ll", "Lt"],
        "M" or "Mark" or "Combining_Mark" => ["Mn", "Mc", "Me"],
        "N" or "Number" => ["Nd", "Nl", "No"],
        "P" or "Punctuation" or "punct" => ["Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"],
        "S" or "Symbol" => ["Sm", "Sc", "Sk", "So"],
        "Z" or "Separator" => ["Zs", "Zl", "Zp"],
        "C" or "Other" => ["Cc", "Cf", "Cs", "Co", "Cn"],
        "Uppercase_Letter" => ["Lu"],
        "Lowercase_Letter" => ["Ll"],
        "Titlecase_Letter" => ["Lt"],
        "Decimal_Number" or "digit" => ["Nd"],
        "Space_Separator" => ["Zs"],
        "Control" or "cntrl" => ["Cc"],
        "Format" => ["Cf"],
        "Unassigned" => ["Cn"],
        _ => Array.IndexOf(s_categories, name) >= 0 ? [name] : [],
    };
}
