using System.Numerics;
using System.Text;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Formatting;

/// <summary><c>'%s is %5.2f' % (name, value)</c>.</summary>
static class PercentFormat
{
    public static TextValue Apply(Render r, TextValue format, Value arguments)
    {
        var text = format.Text;
        var result = new StringBuilder();
        var values = arguments is ListValue { IsTuple: true } tuple ? tuple.Items : [arguments];
        var used = 0;
        Value Next() => used < values.Count ? values[used++] : throw TemplateException.Type("not enough arguments for format string");
        for (var at = 0; at < text.Length;)
        {
            var mark = text.IndexOf('%', at);
            mark = mark < 0 ? text.Length : mark;
            r.Charge(2L * (mark - at));
            result.Append(text, at, mark - at);
            if ((at = mark + 1) > text.Length)
                break;
            r.Step();
            char Peek() => at < text.Length ? text[at] : throw TemplateException.Value("incomplete format");
            Value? named = null;
            if (Peek() == '(')
            {
                var end = text.IndexOf(')', at);
                if (end < 0)
                    throw TemplateException.Value("incomplete format key");
                r.Scan(end - at);
                if (arguments is not DictValue dict)
                    throw TemplateException.Type("format requires a mapping");
                var key = text[(at + 1)..end];
                named = dict.TryGet(key, out var value) ? value : throw new TemplateException("KeyError", Printer.Quote(key));
                at = end + 1;
            }
            var spec = new FormatSpec();
            for (var more = true; more;)
                switch (Peek())
                {
                    case '-': spec = spec with { Align = '<', Fill = " " }; at++; break;
                    case '0': spec = spec.Align == '<' ? spec : spec with { Align = '=', Fill = "0" }; at++; break;
                    case '+': spec = spec with { Sign = '+' }; at++; break;
                    case ' ': spec = spec.Sign == '+' ? spec : spec with { Sign = ' ' }; at++; break;
                    case '#': spec = spec with { Alternate = true }; at++; break;
                    default: more = false; break;
                }
            spec = spec with { Width = Number() ?? 0 };
            if (spec.Width < 0)
                spec = spec with { Width = -spec.Width, Align = '<', Fill = " " };
            if (Peek() == '.')
            {
                at++;
                spec = spec with { Precision = Number() ?? 0 };
            }
            while (Peek() is 'h' or 'l' or 'L')
                at++;
            var letter = text[at++];
            result.Append(letter == '%' ? "%" : One(r, spec, letter, named ?? Next(), at - 1, format.IsMarkup));

            int? Number()
            {
                if (Peek() == '*')
                {
                    at++;
                    return Numbers.TryInteger(Next(), out var star) ? (int)BigInteger.Max(BigInteger.Min(star, int.MaxValue), -int.MaxValue)
                        : throw TemplateException.Type("* wants int");
                }
                var start = at;
                while (char.IsAsciiDigit(Peek()))
                    at++;
                return at == start ? null : int.TryParse(text.AsSpan(start, at - start), out var number) ? number
                    : throw TemplateException.Value("width too big");
            }
        }
        if (used < values.Count && arguments is ListValue { IsTuple: true } or TextValue or NoneValue or IntValue
            or FloatValue or BoolValue)
            throw TemplateException.Type("not all arguments converted during string formatting");
        return r.Text(result.ToString(), format.IsMarkup);
    }

    static string One(Render r, FormatSpec spec, char letter, Value value, int at, bool escape)
    {
        var word = spec with { Align = spec.Align == '=' ? '>' : spec.Align ?? '>', Fill = " " };
        switch (letter)
        {
            case 's':
                return word.Text(r, escape ? Markup.Text(r, value) : Printer.Str(r, value));
            case 'r' or 'a':
                return word.Text(r, letter == 'r' ? Printer.Repr(r, value) : BraceFormat.Ascii(Printer.Repr(r, value)));
            case 'c':
                if (value is TextValue text)
                    return CodePoints.Count(text.Text) == 1 ? word.Text(r, text.Text)
                        : throw TemplateException.Type("%c requires int or char");
                return Numbers.TryInteger(value, out var rune) ? word.Text(r, FormatSpec.Rune(rune))
                    : throw TemplateException.Type("%c requires int or char");
            case 'd' or 'i' or 'u' or 'x' or 'X' or 'o':
                return Integer(r, spec, letter is 'i' or 'u' ? 'd' : letter, value);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                return Numbers.IsNumber(value) ? (spec with { Type = letter }).Number(r, value)
                    : throw (value is UndefinedValue undefined ? undefined.Error()
                        : TemplateException.Type($"must be real number, not {value.TypeName}"));
            default:
                throw TemplateException.Value($"unsupported format character '{letter}' (0x{(int)letter:x}) at index {at}");
        }
    }

    static string Integer(Render r, FormatSpec spec, char letter, Value value)
    {
        if (value is FloatValue { Number: var d } && letter == 'd')
            value = double.IsFinite(d) ? new BigInteger(d)
                : throw new TemplateException("OverflowError", $"cannot convert float {FloatText.Special(d)} to integer");
        if (!Numbers.TryInteger(value, out var number))
            throw value is UndefinedValue undefined ? undefined.Error()
                : TemplateException.Type(letter == 'd' ? $"%d format: a real number is required, not {value.TypeName}"
                    : $"%{letter} format: an integer is required, not {value.TypeName}");
        if (spec.Precision is not { } precision)
            return (spec with { Type = letter }).Number(r, value);
        // The precision is the minimum number of digits: they are generated here and formatted as text.
        if (precision > FloatText.MaxPrecision)
            throw TemplateException.Limit("precision of a number", FloatText.MaxPrecision);
        var digits = new FormatSpec { Type = letter, Width = precision, Fill = "0", Align = '=' }.Number(r, BigInteger.Abs(number));
        var prefix = (number.Sign < 0 ? "-" : spec.Sign == '-' ? "" : spec.Sign.ToString())
            + (spec.Alternate && letter != 'd' ? "0" + letter : "");
        var zeros = spec.Align == '=' ? Math.Max(0, spec.Width - prefix.Length - digits.Length) : 0;
        r.Charge(2L * zeros);
        return new FormatSpec { Width = spec.Width, Align = spec.Align == '<' ? '<' : '>' }.Text(r,
            prefix + new string('0', zeros) + digits);
    }
}
