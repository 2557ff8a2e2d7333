using System.Text;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Methods;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using static Banyan.Runtime.Templates.Filters.FilterTable;

namespace Banyan.Runtime.Templates.Filters;

static class TextFilters
{
    public static readonly KeyValuePair<string, NativeFunction>[] Table =
    [
        Row("upper", "", (r, a) => Map(r, a[0], PythonText.Upper)),
        Row("lower", "", (r, a) => Map(r, a[0], PythonText.Lower)),
        Row("capitalize", "", (r, a) => Map(r, a[0], PythonText.Capitalize)),
        Row("title", "", (r, a) => Map(r, a[0], Title)),
        Row("trim", "chars?", (r, a) => Map(r, a[0], text => PythonText.Strip(text, StringMethods.Chars(r, text, a[1])))),
        Row("string", "", (r, a) => Text(r, a[0])),
        Row("replace", "old new count?", Replace),
        Row("indent", "width? first? blank?", Indent),
        Row("truncate", "length? killwords? end? leeway?", Truncate),
        Row("center", "width?", (r, a) => StringMethods.Pad(r, Text(r, a[0]), Numbers.Index(a[1], 80), " ", StringMethods.Side.Both)),
        Row("wordcount", "", (r, a) => WordCount(r, Text(r, a[0]).Text)),
        Row("urlencode", "", UrlEncode),
        Row("tojson", "ensure_ascii? indent? separators? sort_keys?", Json.Filter),
        new("format", (r, a) => Format(r, a)),
    ];

    static TextValue Map(Render r, Value? value, Func<string, string> change)
    {
        var text = Text(r, value);
        r.Charge(2L * text.Text.Length);
        return r.Text(change(text.Text), text.IsMarkup);
    }

    // A word begins after white space, a hyphen or an opening bracket; the filter differs here from the method.
    static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var start = 0; start < text.Length;)
        {
            var end = start;
            while (end < text.Length && !IsBreak(text[end]))
                end++;
            if (end == start)
                while (end < text.Length && IsBreak(text[end]))
                    end++;
            var first = char.IsSurrogatePair(text, Math.Min(start, text.Length - 1)) ? 2 : 1;
            result.Append(PythonText.Upper(text.Substring(start, first))).Append(PythonText.Lower(text[(start + first)..end]));
            start = end;
        }
        return result.ToString();

        static bool IsBreak(char c) => c is '-' or '(' or '{' or '[' or '<' || PythonText.IsSpace(c);
    }

    static TextValue Replace(Render r, Value?[] a)
    {
        var (text, old, new_) = (Printer.Str(r, a[0]!), Printer.Str(r, a[1]!), Printer.Str(r, a[2]!));
        return r.Text(StringMethods.Replace(r, text, old, new_, a[3] is null or NoneValue ? -1 : Numbers.Index(a[3], -1)));
    }

    static Value Indent(Render r, Value?[] a)
    {
        if (a[0] is not TextValue value)
            throw a[0] is UndefinedValue undefined ? undefined.Error()
                : a[0] is ListValue { IsTuple: false }
                ? new TemplateException("AttributeError", "'list' object has no attribute 'splitlines'")
                : TemplateException.Type($"unsupported operand type(s) for +=: '{a[0]!.TypeName}' and 'str'");
        var width = a[1] is TextValue text ? text.Text : null;
        if (width is null)
        {
            var spaces = Math.Max(0, Numbers.Index(a[1], 4));
            r.Charge(2L * spaces);
            width = new string(' ', spaces);
        }
        var lines = PythonText.Lines(value.Text + "\n");
        r.Step(lines.Count);
        r.Charge(2L * (value.Text.Length + (long)lines.Count * (width.Length + 32)));
        var blank = a[3]?.IsTrue ?? false;
        for (var i = 1; i < lines.Count; i++)
            if (blank || lines[i].Length > 0)
                lines[i] = width + lines[i];
        var result = string.Join('\n', lines);
        return r.Text(a[2]?.IsTrue ?? false ? width + result : result, value.IsMarkup);
    }

    static Value Truncate(Render r, Value?[] a)
    {
        var (length, end, leeway) = (Numbers.Index(a[1], 255), a[3] is null ? "..." : Printer.Str(r, a[3]!),
            a[4] is null or NoneValue ? 5 : Numbers.Index(a[4], 5));
        r.Scan(end.Length);
        var ending = CodePoints.Count(end);
        if (length < ending)
            throw new TemplateException("AssertionError", $"expected length >= {ending}, got {length}");
        if (leeway < 0)
            throw new TemplateException("AssertionError", $"expected leeway >= 0, got {leeway}");
        if (a[0] is TextValue whole)
            r.Scan(whole.Text.Length);
        if (!Sequences.TryCount(a[0]!, out var count))
            throw TemplateException.Type($"object of type '{a[0]!.TypeName}' has no len()");
        if (count <= (long)length + leeway)
            return a[0]!;
        var text = a[0] as TextValue ?? throw TemplateException.Type($"only a string can be truncated, not {a[0]!.TypeName}");
        var head = CodePoints.Take(text.Text, 0, length - ending);
        if (!(a[2]?.IsTrue ?? false) && head.LastIndexOf(' ') is var space and >= 0)
            head = head[..space];
        return r.Text(head + end);
    }

    static Value WordCount(Render r, string text)
    {
        r.Step(text.Length >> 3);
        var words = 0;
        var inWord = false;
        foreach (var rune in text.EnumerateRunes())
        {
            var isWord = Rune.IsLetterOrDigit(rune) || rune.Value == '_'
                || Rune.GetUnicodeCategory(rune) == System.Globalization.UnicodeCategory.OtherNumber;
            words += isWord && !inWord ? 1 : 0;
            inWord = isWord;
        }
        return words;
    }

    static TextValue UrlEncode(Render r, Value?[] a)
    {
        if (a[0] is TextValue || !Sequences.IsIterable(a[0]!))
            return r.Text(Quote(r, a[0]!, "/"));
        var pairs = a[0] is DictValue dict ? new DictView(dict, DictPart.Items) : a[0]!;
        var parts = Sequences.Collect(r, pairs).Select(pair => Sequences.Collect(r, pair) is [var key, var value]
            ? $"{Quote(r, key, "").Replace("%20", "+")}={Quote(r, value, "").Replace("%20", "+")}"
            : throw TemplateException.Value("urlencode takes a string, a mapping or pairs"));
        return r.Text(string.Join('&', parts));
    }

    static string Quote(Render r, Value value, string safe)
    {
        var text = Printer.Str(r, value);
        r.Charge(12L * text.Length);
        var result = new StringBuilder(text.Length);
        foreach (var b in Encoding.UTF8.GetBytes(text))
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'_' or (byte)'.' or (byte)'-' or (byte)'~' || safe.Contains((char)b))
                result.Append((char)b);
            else
                result.Append($"%{b:X2}");
        return result.ToString();
    }

    static Value Format(Render r, Arguments a)
    {
        if (a.Keywords.Count == 0)
            return PercentFormat.Apply(r, Text(r, a.Positional[0]), new ListValue([.. a.Positional.Skip(1)], isTuple: true));
        if (a.Positional.Count > 1)
            throw new TemplateException("FilterArgumentError", "can't handle positional and keyword arguments at the same time");
        var names = new DictValue();
        foreach (var (name, value) in a.Keywords)
            names.Set(new TextValue(name), value);
        return PercentFormat.Apply(r, Text(r, a.Positional[0]), names);
    }
}
