using System.Numerics;
using System.Text;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Formatting;

/// <summary><c>'{0} {name.x[1]!r:>8}'.format(…)</c>; attributes are looked up in the sandbox.</summary>
static class BraceFormat
{
    public static TextValue Apply(Render r, TextValue format, Arguments arguments)
    {
        var automatic = 0;
        return r.Text(Expand(r, format, format.Text, arguments, ref automatic, 2), format.IsMarkup);
    }

    static string Expand(Render r, TextValue format, string text, Arguments arguments, ref int automatic, int levels)
    {
        if (levels == 0)
            throw TemplateException.Value("Max string recursion exceeded");
        var result = new StringBuilder();
        r.Charge(2L * text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            var c = text[at];
            if (c is not ('{' or '}'))
            {
                result.Append(c);
                continue;
            }
            if (at + 1 < text.Length && text[at + 1] == c)
            {
                result.Append(c);
                at++;
                continue;
            }
            if (c == '}')
                throw TemplateException.Value("Single '}' encountered in format string");
            var end = Close(text, at + 1);
            r.Step((end - at) >> 4);
            result.Append(Field(r, format, text[(at + 1)..end], arguments, ref automatic, levels));
            at = end;
        }
        return result.ToString();
    }

    static int Close(string text, int at)
    {
        if (at == text.Length)
            throw TemplateException.Value("Single '{' encountered in format string");
        for (var depth = 1; at < text.Length; at++)
            if (text[at] == '{')
                depth++;
            else if (text[at] == '}' && --depth == 0)
                return at;
        throw TemplateException.Value("expected '}' before end of string");
    }

    static string Field(Render r, TextValue format, string field, Arguments arguments, ref int automatic, int levels)
    {
        r.Step();
        var colon = field.IndexOf(':');
        var (name, spec) = colon < 0 ? (field, "") : (field[..colon], field[(colon + 1)..]);
        var bang = name.IndexOf('!');
        var conversion = bang < 0 ? "" : name[(bang + 1)..];
        var value = Find(r, bang < 0 ? name : name[..bang], arguments, ref automatic);
        if (spec.Contains('{'))
            spec = Expand(r, format, spec, arguments, ref automatic, levels - 1);
        value = conversion switch
        {
            "" when bang < 0 => value,
            "s" => r.Text(Printer.Str(r, value)),
            "r" => r.Text(Printer.Repr(r, value)),
            "a" => r.Text(Ascii(Printer.Repr(r, value))),
            _ => throw TemplateException.Value($"Unknown conversion specifier {conversion}"),
        };
        var text = Format(r, value, spec);
        r.Charge(2L * text.Length);
        return format.IsMarkup && value is not TextValue { IsMarkup: true } ? Markup.Escape(r, text) : text;
    }

    static string Format(Render r, Value value, string spec)
    {
        if (value is TextValue text)
            return spec.Length == 0 ? text.Text : FormatSpec.Parse(spec).Text(r, text.Text);
        if (spec.Length == 0 || (!Numbers.IsNumber(value) && value is not UndefinedValue))
            return spec.Length == 0 ? Printer.Str(r, value)
                : throw TemplateException.Type($"unsupported format string passed to {value.TypeName}.__format__");
        if (value is UndefinedValue)
            throw TemplateException.Type("unsupported format string passed to Undefined.__format__");
        return FormatSpec.Parse(spec).Number(r, value);
    }

    static Value Find(Render r, string field, Arguments arguments, ref int automatic)
    {
        var end = field.AsSpan().IndexOfAny('.', '[') is var first and >= 0 ? first : field.Length;
        var head = field[..end];
        Value value;
        if (head.Length == 0 || head.All(char.IsAsciiDigit))
        {
            if (head.Length == 0 ? automatic < 0 : automatic > 0)
                throw TemplateException.Value("cannot switch from manual field specification to automatic field numbering");
            var index = head.Length == 0 ? automatic++ : int.TryParse(head, out var number) ? number : int.MaxValue;
            if (head.Length > 0)
                automatic = -1;
            value = index < arguments.Positional.Count ? arguments.Positional[index]
                : throw new TemplateException("IndexError", "tuple index out of range");
        }
        else
            value = arguments.TryKeyword(head, out var named) ? named : throw new TemplateException("KeyError", Printer.Quote(head));
        while (end < field.Length)
        {
            if (field[end] == '.')
            {
                var next = field.AsSpan(end + 1).IndexOfAny('.', '[') is var n and >= 0 ? end + 1 + n : field.Length;
                value = Lookup.Attribute(r, value, field[(end + 1)..next]);
                end = next;
                continue;
            }
            var close = field.IndexOf(']', end);
            if (field[end] != '[' || close < 0)
                throw TemplateException.Value(close < 0 ? "Missing ']' in format string"
                    : "Only '.' or '[' may follow ']' in format field specifier");
            var key = field[(end + 1)..close];
            value = Lookup.Item(r, value, key.Length > 0 && key.All(char.IsAsciiDigit) && Numbers.TryParse(key, 10, out BigInteger index)
                ? index : new TextValue(key));
            end = close + 1;
        }
        return value;
    }

    /// <summary>Python's <c>ascii()</c> of a repr.</summary>
    public static string Ascii(string repr)
    {
        var result = new StringBuilder(repr.Length);
        foreach (var rune in repr.EnumerateRunes())
            result.Append(rune.IsAscii ? rune.ToString() : rune.Value <= 0xff ? $"\\x{rune.Value:x2}" : rune.IsBmp
                ? $"\\u{rune.Value:x4}" : $"\\U{rune.Value:x8}");
        return result.ToString();
    }
}
