using System.Text;

namespace Banyan.Runtime.Generation.Grammars.Expressions;

/// <summary>How characters become bytes: as UTF-8, or as UTF-8 within a JSON string, where some are escaped.</summary>
/// <remarks>
/// A JSON string is written in one way only: what must be escaped is, by the short escape where there is one, and nothing else. So equal
/// strings are equal bytes, no half of a surrogate pair can be written, and a pattern holds for the text whatever stands in it.
/// </remarks>
internal sealed class TextEncoding
{
    readonly RegexTable _table;
    readonly bool _json;

    public TextEncoding(RegexTable table, bool json)
    {
        (_table, _json) = (table, json);
        Char = Encode(CharSet.All);
    }

    /// <summary>Any one character.</summary>
    public Regex Char { get; }

    /// <summary>The quote around a JSON string, for which anchors of patterns stand; null outside of JSON.</summary>
    public Regex? Quote => _json ? _quote ??= _table.Literal("\"") : null;
    Regex? _quote;

    /// <summary>One character of a set.</summary>
    public Regex Encode(CharSet set)
    {
        var alternatives = new List<Regex>();
        foreach (var (first, last) in set.Ranges)
        {
            var from = first;
            if (_json)
                for (var codePoint = first; codePoint <= Math.Min(last, '\\'); codePoint++)
                    if (Escape(codePoint) is { } escape)
                    {
                        AddRange(from, codePoint - 1);
                        alternatives.Add(_table.Literal(escape));
                        from = codePoint + 1;
                    }
            AddRange(from, last);
        }
        return _table.Union([.. alternatives]);

        void AddRange(int start, int end)
        {
            foreach (var (low, high, length) in (ReadOnlySpan<(int, int, int)>)[(0, 0x7F, 1), (0x80, 0x7FF, 2),
                (0x800, 0xFFFF, 3), (0x10000, 0x10FFFF, 4)])
                if (Math.Max(start, low) is var a && Math.Min(end, high) is var b && a <= b)
                    alternatives.Add(Utf8(a, b, length));
        }
    }

    /// <summary>A text, character by character.</summary>
    public Regex Literal(string text) => _table.Literal(_json ? EscapeAll(text) : text);

    /// <summary>The text as it stands in a JSON string.</summary>
    public static string EscapeAll(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
            _ = Escape(c) is { } escape ? result.Append(escape) : result.Append(c);
        return result.ToString();
    }

    static string? Escape(int codePoint) => codePoint switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\f' => "\\f",
        '\r' => "\\r",
        < 0x20 => $"\\u{codePoint:x4}",
        _ => null,
    };

    // Code points of one length in UTF-8: split until all but the first differing byte run through their whole range.
    Regex Utf8(int first, int last, int length)
    {
        if (length == 1)
            return _table.Bytes(ByteSet.Range(first, last));
        for (var tail = 1; tail < length; tail++)
        {
            var mask = (1 << (6 * tail)) - 1;
            if ((first & ~mask) == (last & ~mask))
                continue;
            if ((first & mask) != 0)
                return _table.Union(Utf8(first, first | mask, length), Utf8((first | mask) + 1, last, length));
            if ((last & mask) != mask)
                return _table.Union(Utf8(first, (last & ~mask) - 1, length), Utf8(last & ~mask, last, length));
        }
        Span<byte> low = stackalloc byte[4], high = stackalloc byte[4];
        new Rune(first).EncodeToUtf8(low);
        new Rune(last).EncodeToUtf8(high);
        var result = _table.Empty;
        for (var i = length - 1; i >= 0; i--)
            result = _table.Concat(_table.Bytes(ByteSet.Range(low[i], high[i])), result);
        return result;
    }
}
