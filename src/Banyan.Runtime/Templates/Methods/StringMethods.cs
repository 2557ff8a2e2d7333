using System.Text;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using static Banyan.Runtime.Templates.Methods.MethodTable;

namespace Banyan.Runtime.Templates.Methods;

/// <summary>
/// The methods of <c>str</c>; those that split are in <see cref="SplitMethods"/>, the predicates in <see cref="CharacterTests"/>.
/// </summary>
static class StringMethods
{
    public enum Side { Left, Right, Both }

    public static readonly KeyValuePair<string, NativeFunction>[] Table =
    [
        Row("upper", "", (r, a) => Map(r, a, PythonText.Upper)),
        Row("lower", "", (r, a) => Map(r, a, PythonText.Lower)),
        Row("casefold", "", (r, a) => Map(r, a, text => PythonText.Lower(text).Replace("ß", "ss"))),
        Row("title", "", (r, a) => Map(r, a, PythonText.TitleWords)),
        Row("capitalize", "", (r, a) => Map(r, a, PythonText.Capitalize)),
        Row("swapcase", "", (r, a) => Map(r, a, SwapCase)),
        Row("strip", "chars?", (r, a) => Map(r, a, text => PythonText.Strip(text, Chars(r, text, a[1])))),
        Row("lstrip", "chars?", (r, a) => Map(r, a, text => PythonText.StripStart(text, Chars(r, text, a[1])))),
        Row("rstrip", "chars?", (r, a) => Map(r, a, text => PythonText.StripEnd(text, Chars(r, text, a[1])))),
        Row("removeprefix", "prefix",
            (r, a) => Map(r, a, text => Need(a[1]) is var p && text.StartsWith(p, StringComparison.Ordinal) ? text[p.Length..] : text)),
        Row("removesuffix", "suffix",
            (r, a) => Map(r, a, text => Need(a[1]) is var s && text.EndsWith(s, StringComparison.Ordinal) ? text[..^s.Length] : text)),
        Row("replace", "old new count?",
            (r, a) => r.Text(Replace(r, Self(a), Need(a[1]), Need(a[2]), Numbers.Index(a[3], -1)), IsMarkup(a))),
        Row("startswith", "prefix start? end?", (r, a) => Affix(r, a, atEnd: false)),
        Row("endswith", "suffix start? end?", (r, a) => Affix(r, a, atEnd: true)),
        Row("find", "sub start? end?", (r, a) => Find(r, a, last: false)),
        Row("rfind", "sub start? end?", (r, a) => Find(r, a, last: true)),
        Row("index", "sub start? end?", (r, a) => Found(Find(r, a, last: false))),
        Row("rindex", "sub start? end?", (r, a) => Found(Find(r, a, last: true))),
        Row("count", "sub start? end?", Count),
        Row("join", "iterable", Join),
        Row("center", "width fillchar?", (r, a) => Pad(r, (TextValue)a[0]!, Numbers.Index(a[1], 0), Fill(a[2]), Side.Both)),
        Row("ljust", "width fillchar?", (r, a) => Pad(r, (TextValue)a[0]!, Numbers.Index(a[1], 0), Fill(a[2]), Side.Right)),
        Row("rjust", "width fillchar?", (r, a) => Pad(r, (TextValue)a[0]!, Numbers.Index(a[1], 0), Fill(a[2]), Side.Left)),
        Row("zfill", "width", ZeroFill),
        Row("expandtabs", "tabsize?", ExpandTabs),
        new("format", (r, a) => BraceFormat.Apply(r, (TextValue)a.Positional[0], a.Skip(1))),
        Row("format_map", "mapping", (r, a) => BraceFormat.Apply(r, (TextValue)a[0]!, new Arguments([],
            [.. ((a[1] as DictValue) ?? throw TemplateException.Type("format_map() takes a mapping")).Entries.Select(e =>
                KeyValuePair.Create(Printer.Str(r, e.Key), e.Value))]))),
        .. SplitMethods.Table,
        .. CharacterTests.Table,
    ];

    public static string Self(Value?[] a) => ((TextValue)a[0]!).Text;

    static bool IsMarkup(Value?[] a) => ((TextValue)a[0]!).IsMarkup;

    static TextValue Map(Render r, Value?[] a, Func<string, string> change)
    {
        r.Charge(2L * Self(a).Length);
        return r.Text(change(Self(a)), IsMarkup(a));
    }

    /// <summary>An argument that must be a string.</summary>
    public static string Need(Value? value) => value switch
    {
        TextValue text => text.Text,
        UndefinedValue => throw TemplateException.Type("must be str, not Undefined"),
        _ => throw TemplateException.Type($"must be str, not {value!.TypeName}"),
    };

    /// <summary>The characters to strip, null for white space; the cost is the product of both lengths.</summary>
    public static string? Chars(Render r, string text, Value? chars)
    {
        if (chars is null or NoneValue)
            return null;
        var set = chars is TextValue value ? value.Text : throw TemplateException.Type("strip arg must be None or str");
        r.Step(((long)text.Length * set.Length) >> 6);
        return set;
    }

    static string Fill(Value? value) => value is null ? " " : Need(value) is var fill && CodePoints.Count(fill) == 1 ? fill
        : throw TemplateException.Type("The fill character must be exactly one character long");

    /// <summary>The part of a sequence selected by start and stop arguments.</summary>
    public static (int From, int To) Range(int count, Value? start, Value? stop)
    {
        int At(Value? value, int missing) => value is null or NoneValue ? missing : Numbers.Index(value, 0) is var i && i < 0
            ? Math.Max(0, i + count) : i;
        return (At(start, 0), Math.Min(At(stop, count), count));
    }

    // The text between start and end, and how many code points come before it; null if start is after the end.
    static (string Text, int Before)? Part(Render r, Value?[] a)
    {
        var text = Self(a);
        if (a[2] is null && a[3] is null)
            return (text, 0);
        r.Charge(2L * text.Length);
        var (from, to) = Range(CodePoints.Count(text), a[2], a[3]);
        return from > to ? null : (CodePoints.Take(text, from, to), from);
    }

    static Value Affix(Render r, Value?[] a, bool atEnd)
    {
        if (a[1] is not (TextValue or ListValue { IsTuple: true }))
            throw TemplateException.Type(
                $"{(atEnd ? "endswith" : "startswith")} first arg must be str or a tuple of str, not {a[1]!.TypeName}");
        if (Part(r, a) is not { } part)
            return false;
        foreach (var affix in a[1] is ListValue tuple ? tuple.Items : [a[1]!])
        {
            r.Step();
            var text = Need(affix);
            if (TextSearch.StartsAt(r, part.Text, text, atEnd ? part.Text.Length - text.Length : 0))
                return true;
        }
        return false;
    }

    static Value Find(Render r, Value?[] a, bool last)
    {
        var sub = Need(a[1]);
        if (Part(r, a) is not { } part)
            return -1;
        var at = last ? TextSearch.FindLast(r, part.Text, sub, part.Text.Length) : TextSearch.Find(r, part.Text, sub);
        return at < 0 ? -1 : CodePoints.FromChar(part.Text, at) + part.Before;
    }

    static Value Found(Value at) => ((IntValue)at).Number.Sign >= 0 ? at : throw TemplateException.Value("substring not found");

    static Value Count(Render r, Value?[] a)
    {
        var sub = Need(a[1]);
        if (Part(r, a) is not { } part)
            return 0;
        r.Scan(part.Text.Length);
        if (sub.Length == 0)
            return CodePoints.Count(part.Text) + 1;
        var count = 0;
        for (var at = TextSearch.Find(r, part.Text, sub); at >= 0; at = TextSearch.Find(r, part.Text, sub, at + sub.Length))
            count++;
        return count;
    }

    /// <summary>At most <paramref name="count"/> replacements; all if negative.</summary>
    public static string Replace(Render r, string text, string old, string new_, int count)
    {
        var result = new StringBuilder();
        var at = 0;
        if (old.Length == 0) // before each character, and at the end
        {
            foreach (var rune in text.EnumerateRunes())
            {
                if (count-- == 0)
                    break;
                r.Step();
                r.Charge(2L * new_.Length + 4);
                result.Append(new_).Append(rune.ToString());
                at += rune.Utf16SequenceLength;
            }
            r.Charge(2L * (new_.Length + text.Length));
            return count is > 0 or < -1 || (count == -1 && at == text.Length)
                ? result.Append(text, at, text.Length - at).Append(new_).ToString() : result.Append(text, at, text.Length - at).ToString();
        }
        while (count-- != 0 && TextSearch.Find(r, text, old, at) is var found and >= 0)
        {
            r.Step();
            r.Charge(2L * (found - at + new_.Length));
            result.Append(text, at, found - at).Append(new_);
            at = found + old.Length;
        }
        if (at == 0)
            return text;
        r.Charge(2L * (text.Length - at));
        return result.Append(text, at, text.Length - at).ToString();
    }

    static TextValue Join(Render r, Value?[] a)
    {
        var parts = new List<string>();
        foreach (var item in Sequences.IsIterable(a[1]!) ? Sequences.Iterate(r, a[1]!)
            : throw TemplateException.Type("can only join an iterable"))
        {
            var part = item is TextValue text ? (IsMarkup(a) ? Markup.Text(r, text) : text.Text)
                : throw TemplateException.Type($"sequence item {parts.Count}: expected str instance, {item.TypeName} found");
            r.Charge(2L * (part.Length + Self(a).Length) + 8);
            parts.Add(part);
        }
        return r.Text(string.Join(Self(a), parts), IsMarkup(a));
    }

    /// <summary>Pads to a width in code points; centred text has the odd space where Python puts it.</summary>
    public static TextValue Pad(Render r, TextValue text, int width, string fill, Side side)
    {
        r.Scan(text.Text.Length);
        var missing = width - CodePoints.Count(text.Text);
        if (missing <= 0)
            return text;
        r.Charge(2L * missing * fill.Length);
        var left = side switch { Side.Left => missing, Side.Right => 0, _ => missing / 2 + (missing & width & 1) };
        string Repeat(int times) => fill.Length == 1 ? new string(fill[0], times) : string.Concat(Enumerable.Repeat(fill, times));
        return r.Text(Repeat(left) + text.Text + Repeat(missing - left), text.IsMarkup);
    }

    static TextValue ZeroFill(Render r, Value?[] a)
    {
        var text = Self(a);
        r.Scan(text.Length);
        var sign = text.Length > 0 && text[0] is '+' or '-' ? 1 : 0;
        var missing = Numbers.Index(a[1], 0) - CodePoints.Count(text);
        if (missing <= 0)
            return (TextValue)a[0]!;
        r.Charge(2L * missing);
        return r.Text(text[..sign] + new string('0', missing) + text[sign..], IsMarkup(a));
    }

    static TextValue ExpandTabs(Render r, Value?[] a)
    {
        var size = Numbers.Index(a[1], 8);
        var result = new StringBuilder();
        var column = 0;
        foreach (var rune in Self(a).EnumerateRunes())
        {
            var spaces = rune.Value != '\t' || size <= 0 ? 0 : size - column % size;
            r.Charge(2L * spaces + 2);
            if (rune.Value == '\t')
                result.Append(' ', spaces);
            else
                result.Append(rune.ToString());
            column = rune.Value is '\n' or '\r' ? 0 : column + (rune.Value == '\t' ? spaces : 1);
        }
        return r.Text(result.ToString(), IsMarkup(a));
    }

    static string SwapCase(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            result.Append(Rune.IsUpper(rune) ? PythonText.Lower(rune.ToString()) : PythonText.Upper(rune.ToString()));
        return result.ToString();
    }
}
