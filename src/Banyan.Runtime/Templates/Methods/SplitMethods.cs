using Banyan.Runtime.Templates.Values;

using static Banyan.Runtime.Templates.Methods.MethodTable;
using static Banyan.Runtime.Templates.Methods.StringMethods;

namespace Banyan.Runtime.Templates.Methods;

/// <summary>The methods of <c>str</c> that split it.</summary>
static class SplitMethods
{
    public static readonly KeyValuePair<string, NativeFunction>[] Table =
    [
        Row("split", "sep? maxsplit?", (r, a) => Split(r, a, fromEnd: false)),
        Row("rsplit", "sep? maxsplit?", (r, a) => Split(r, a, fromEnd: true)),
        Row("splitlines", "keepends?", (r, a) => Parts(r, a, PythonText.Lines(Self(a), a[1]?.IsTrue ?? false))),
        Row("partition", "sep", (r, a) => Partition(r, a, fromEnd: false)),
        Row("rpartition", "sep", (r, a) => Partition(r, a, fromEnd: true)),
    ];

    static ListValue Parts(Render r, Value?[] a, List<string> parts, bool isTuple = false)
    {
        r.Step(parts.Count);
        return r.List([.. parts.Select(p => r.Text(p, ((TextValue)a[0]!).IsMarkup))], isTuple);
    }

    static ListValue Split(Render r, Value?[] a, bool fromEnd)
    {
        var limit = Numbers.Index(a[2], -1);
        if (limit < 0)
            limit = int.MaxValue;
        var text = Self(a);
        r.Charge(2L * text.Length);
        if (a[1] is null or NoneValue)
            return Parts(r, a, fromEnd ? WordsFromEnd(r, text, limit) : Words(r, text, limit));
        var separator = a[1] is TextValue t ? t.Text : throw TemplateException.Type($"must be str or None, not {a[1]!.TypeName}");
        if (separator.Length == 0)
            throw TemplateException.Value("empty separator");
        return Parts(r, a, fromEnd && limit < int.MaxValue ? FromEnd(r, text, separator, limit) : FromStart(r, text, separator, limit));
    }

    static List<string> FromStart(Render r, string text, string separator, int limit)
    {
        var parts = new List<string>();
        var at = 0;
        while (parts.Count < limit && TextSearch.Find(r, text, separator, at) is var end and >= 0)
        {
            r.Charge(40);
            parts.Add(text[at..end]);
            at = end + separator.Length;
        }
        parts.Add(text[at..]);
        return parts;
    }

    static List<string> FromEnd(Render r, string text, string separator, int limit)
    {
        var parts = new List<string>();
        var to = text.Length;
        while (parts.Count < limit && TextSearch.FindLast(r, text, separator, to) is var start and >= 0)
        {
            r.Charge(40);
            parts.Add(text[(start + separator.Length)..to]);
            to = start;
        }
        parts.Add(text[..to]);
        parts.Reverse();
        return parts;
    }

    static List<string> Words(Render r, string text, int limit)
    {
        var parts = new List<string>();
        for (var at = 0; ;)
        {
            while (at < text.Length && PythonText.IsSpace(text[at]))
                at++;
            if (at == text.Length)
                return parts;
            r.Charge(40);
            if (parts.Count == limit)
            {
                parts.Add(text[at..]);
                return parts;
            }
            var end = at;
            while (end < text.Length && !PythonText.IsSpace(text[end]))
                end++;
            parts.Add(text[at..end]);
            at = end;
        }
    }

    static List<string> WordsFromEnd(Render r, string text, int limit)
    {
        var parts = new List<string>();
        for (var to = text.Length; ;)
        {
            while (to > 0 && PythonText.IsSpace(text[to - 1]))
                to--;
            if (to == 0)
                break;
            r.Charge(40);
            if (parts.Count == limit)
            {
                parts.Add(text[..to]);
                break;
            }
            var start = to;
            while (start > 0 && !PythonText.IsSpace(text[start - 1]))
                start--;
            parts.Add(text[start..to]);
            to = start;
        }
        parts.Reverse();
        return parts;
    }

    static ListValue Partition(Render r, Value?[] a, bool fromEnd)
    {
        var (text, separator) = (Self(a), Need(a[1]));
        if (separator.Length == 0)
            throw TemplateException.Value("empty separator");
        r.Charge(2L * text.Length);
        var at = fromEnd ? TextSearch.FindLast(r, text, separator, text.Length) : TextSearch.Find(r, text, separator);
        return Parts(r, a, at < 0 ? (fromEnd ? ["", "", text] : [text, "", ""])
            : [text[..at], separator, text[(at + separator.Length)..]], isTuple: true);
    }
}
