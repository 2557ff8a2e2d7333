using System.Text;
using Banyan.Runtime.Templates.Filters;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Formatting;

/// <summary>The filter <c>tojson</c> as transformers configures it: Python's json.dumps, not escaped for HTML.</summary>
sealed class Json(Render r, bool ascii, string? indent, string itemSeparator, string keySeparator, bool sortKeys)
{
    readonly StringBuilder _text = new();

    public static Value Filter(Render r, Value?[] a)
    {
        var indent = a[2] switch
        {
            null or NoneValue => null,
            TextValue text => text.Text,
            var width => Spaces(r, Math.Max(0, Numbers.Index(width, 0))),
        };
        var (item, key) = (indent is null ? ", " : ",", ": ");
        if (a[3] is not (null or NoneValue))
        {
            var separators = Sequences.Collect(r, a[3]!);
            (item, key) = separators is [TextValue i, TextValue k] ? (i.Text, k.Text)
                : throw TemplateException.Value("separators must be two strings");
        }
        var json = new Json(r, a[1]?.IsTrue ?? false, indent, item, key, a[4]?.IsTrue ?? false);
        json.Write(a[0]!, 0);
        return new TextValue(json._text.ToString());
    }

    static string Spaces(Render r, int width)
    {
        r.Charge(2L * width);
        return new string(' ', width);
    }

    void Append(string text)
    {
        r.Charge(2L * text.Length);
        _text.Append(text);
    }

    void Write(Value value, int depth)
    {
        r.Step();
        r.CheckDepth(depth);
        switch (value)
        {
            case TextValue text:
                WriteText(text.Text);
                break;
            case ListValue list:
                WriteAll('[', ']', list.Items, depth, item => Write(item, depth + 1));
                break;
            case DictValue dict:
                WriteAll('{', '}', sortKeys ? Sorting.Sort(r, dict.Entries, e => e.Key) : dict.Entries, depth, entry =>
                {
                    WriteText(Key(entry.Key));
                    Append(keySeparator);
                    Write(entry.Value, depth + 1);
                });
                break;
            default:
                Append(Scalar(value) ?? throw TemplateException.Type($"Object of type {value.TypeName} is not JSON serializable"));
                break;
        }
    }

    void WriteAll<T>(char open, char close, IReadOnlyList<T> items, int depth, Action<T> write)
    {
        _text.Append(open);
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
                Append(itemSeparator);
            NewLine(depth + 1);
            write(items[i]);
        }
        if (items.Count > 0)
            NewLine(depth);
        _text.Append(close);
    }

    void NewLine(int depth)
    {
        if (indent is null)
            return;
        r.Charge(2L * indent.Length * depth);
        _text.Append('\n').Insert(_text.Length, indent, depth);
    }

    static string? Scalar(Value value) => value switch
    {
        NoneValue => "null",
        BoolValue b => b.IsTrue ? "true" : "false",
        IntValue i => i.Number.ToString(System.Globalization.CultureInfo.InvariantCulture),
        FloatValue f when double.IsNaN(f.Number) => "NaN",
        FloatValue f when double.IsInfinity(f.Number) => f.Number > 0 ? "Infinity" : "-Infinity",
        FloatValue f => FloatText.Repr(f.Number),
        _ => null,
    };

    static string Key(Value key) => key is TextValue text ? text.Text
        : Scalar(key) ?? throw TemplateException.Type($"keys must be str, int, float, bool or None, not {key.TypeName}");

    void WriteText(string text)
    {
        r.Charge(2L * text.Length);
        _text.Append('"');
        foreach (var c in text)
            switch (c)
            {
                case '"': _text.Append("\\\""); break;
                case '\\': _text.Append("\\\\"); break;
                case '\n': _text.Append("\\n"); break;
                case '\r': _text.Append("\\r"); break;
                case '\t': _text.Append("\\t"); break;
                case '\b': _text.Append("\\b"); break;
                case '\f': _text.Append("\\f"); break;
                case var _ when c < ' ' || (ascii && c > '~'): _text.Append($"\\u{(int)c:x4}"); break;
                default: _text.Append(c); break;
            }
        _text.Append('"');
    }
}
