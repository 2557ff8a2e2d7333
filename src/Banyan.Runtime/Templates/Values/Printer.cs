using System.Text;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>Python's <c>str()</c> and <c>repr()</c>.</summary>
static class Printer
{
    /// <summary>What <c>{{ value }}</c> prints.</summary>
    public static string Str(Render r, Value value) => value switch
    {
        TextValue text => text.Text,
        UndefinedValue => "",
        _ => Repr(r, value),
    };

    public static string Repr(Render r, Value value, int depth = 0)
    {
        var text = new StringBuilder();
        Write(r, text, value, depth);
        return text.ToString();
    }

    /// <summary>Python's repr of a string: single quotes, unless it contains single and no double quotes.</summary>
    public static string Quote(string text)
    {
        var result = new StringBuilder(text.Length + 2);
        WriteText(result, text);
        return result.ToString();
    }

    static void Write(Render r, StringBuilder to, Value value, int depth)
    {
        r.Step();
        r.CheckDepth(depth);
        var before = to.Length;
        switch (value)
        {
            case NoneValue:
                to.Append("None");
                break;
            case BoolValue b:
                to.Append(b.IsTrue ? "True" : "False");
                break;
            case IntValue i:
                r.Step(i.Number.GetBitLength() >> 5);
                to.Append(i.Number);
                break;
            case FloatValue f:
                to.Append(FloatText.Repr(f.Number));
                break;
            case TextValue text:
                r.Charge(2L * text.Text.Length);
                if (text.IsMarkup)
                    to.Append("Markup(");
                WriteText(to, text.Text);
                if (text.IsMarkup)
                    to.Append(')');
                break;
            case UndefinedValue:
                to.Append("Undefined");
                break;
            case ListValue { IsTuple: true } tuple:
                WriteItems(r, to, '(', tuple.Items, tuple.Items.Count == 1 ? ",)" : ")", depth);
                break;
            case ListValue list:
                WriteItems(r, to, '[', list.Items, "]", depth);
                break;
            case DictView view:
                to.Append(view.TypeName).Append('(');
                WriteItems(r, to, '[', view.Items, "])", depth);
                break;
            case DictValue dict:
                WriteDict(r, to, dict, depth);
                break;
            case RangeValue range:
                to.Append($"range({range.Start}, {range.Stop}{(range.Step.IsOne ? "" : $", {range.Step}")})");
                break;
            case GeneratorValue generator:
                to.Append($"<{generator.TypeName} object>");
                break;
            case FunctionValue function:
                to.Append($"<function {function.Name}>");
                break;
            case ObjectValue o:
                to.Append(o.Describe(r, depth + 1));
                break;
        }
        r.Charge(2L * (to.Length - before));
    }

    static void WriteItems(Render r, StringBuilder to, char open, IEnumerable<Value> items, string close, int depth)
    {
        to.Append(open);
        var first = true;
        foreach (var item in items)
        {
            if (!first)
                to.Append(", ");
            first = false;
            Write(r, to, item, depth + 1);
        }
        to.Append(close);
    }

    static void WriteDict(Render r, StringBuilder to, DictValue dict, int depth)
    {
        to.Append('{');
        var first = true;
        foreach (var (key, value) in dict.Entries)
        {
            if (!first)
                to.Append(", ");
            first = false;
            Write(r, to, key, depth + 1);
            to.Append(": ");
            Write(r, to, value, depth + 1);
        }
        to.Append('}');
    }

    static void WriteText(StringBuilder to, string text)
    {
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        to.Append(quote);
        foreach (var rune in text.EnumerateRunes())
            switch (rune.Value)
            {
                case '\n': to.Append("\\n"); break;
                case '\r': to.Append("\\r"); break;
                case '\t': to.Append("\\t"); break;
                case '\\': to.Append("\\\\"); break;
                case var c when c == quote: to.Append('\\').Append(quote); break;
                case var _ when PythonText.IsPrintable(rune): to.Append(rune.ToString()); break;
                case <= 0xff: to.Append($"\\x{rune.Value:x2}"); break;
                case <= 0xffff: to.Append($"\\u{rune.Value:x4}"); break;
                default: to.Append($"\\U{rune.Value:x8}"); break;
            }
        to.Append(quote);
    }
}
