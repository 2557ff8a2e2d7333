using System.Globalization;
using System.Numerics;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Formatting;

/// <summary>
/// The format of one value, as in both <c>'%08.3f' % x</c> and <c>'{:08.3f}'.format(x)</c>:
/// <c>[[fill]align][sign][#][0][width][grouping][.precision][type]</c>.
/// </summary>
sealed record FormatSpec
{
    public string Fill { get; init; } = " ";

    /// <summary>&lt; &gt; ^ or = (between sign and digits); none: left for text, right for numbers.</summary>
    public char? Align { get; init; }

    /// <summary>+ - or a space.</summary>
    public char Sign { get; init; } = '-';

    public bool Alternate { get; init; }
    public int Width { get; init; }
    public char? Grouping { get; init; }
    public int? Precision { get; init; }

    /// <summary>The type letter; none: the value's own text.</summary>
    public char? Type { get; init; }

    public static FormatSpec Parse(string spec)
    {
        var result = new FormatSpec();
        var (at, hasFill) = (0, false);
        char Peek(int ahead = 0) => at + ahead < spec.Length ? spec[at + ahead] : '\0';
        var fill = spec.Length > 1 && char.IsSurrogatePair(spec, 0) ? 2 : 1;
        if (Peek(fill) is '<' or '>' or '=' or '^')
            (result, at, hasFill) = (result with { Fill = spec[..fill], Align = spec[fill] }, fill + 1, true);
        else if (Peek() is '<' or '>' or '=' or '^')
            result = result with { Align = spec[at++] };
        if (Peek() is '+' or '-' or ' ')
            result = result with { Sign = spec[at++] };
        if (Peek() == '#')
            (result, at) = (result with { Alternate = true }, at + 1);
        if (Peek() == '0')
        {
            at++;
            result = hasFill ? result : result with { Fill = "0", Align = result.Align ?? '=' };
        }
        result = result with { Width = Digits() ?? 0 };
        if (Peek() is ',' or '_')
            result = result with { Grouping = spec[at++] };
        if (Peek() == '.')
        {
            at++;
            result = result with { Precision = Digits() ?? throw TemplateException.Value("Format specifier missing precision") };
        }
        if (at < spec.Length)
            result = result with { Type = spec[at++] };
        return at == spec.Length ? result : throw TemplateException.Value("Invalid format specifier");

        int? Digits()
        {
            var start = at;
            while (char.IsAsciiDigit(Peek()))
                at++;
            return at == start ? null : int.TryParse(spec.AsSpan(start, at - start), out var number) ? number
                : throw TemplateException.Value("Too many decimal digits in format string");
        }
    }

    public string Text(Render r, string text)
    {
        if (Type is not (null or 's'))
            throw TemplateException.Value($"Unknown format code '{Type}' for object of type 'str'");
        if (Align == '=')
            throw TemplateException.Value("'=' alignment not allowed in string format specifier");
        return Pad(r, "", Precision is { } precision ? CodePoints.Take(text, 0, precision) : text, '<');
    }

    public string Number(Render r, Value value)
    {
        if (Numbers.TryInteger(value, out var number) && Type is null or 'd' or 'b' or 'o' or 'x' or 'X' or 'c' or 'n'
            && value is not FloatValue)
            return Integer(r, number);
        if (Type is not (null or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n' or '%'))
            throw TemplateException.Value($"Unknown format code '{Type}' for object of type '{value.TypeName}'");
        var d = Numbers.Float(value);
        var sign = SignOf(double.IsNegative(d) && !double.IsNaN(d));
        var digits = !double.IsFinite(d) ? FloatText.Special(Math.Abs(d)) : Type switch
        {
            'f' or 'F' => FloatText.Fixed(d, Precision ?? 6) + (Alternate && Precision == 0 ? "." : ""),
            'e' or 'E' => FloatText.Exponent(d, Precision ?? 6),
            'g' or 'G' or 'n' => FloatText.General(d, Precision ?? 6, Alternate),
            '%' => FloatText.Fixed(d * 100, Precision ?? 6) + "%",
            _ when Precision is { } p => FloatText.General(d, p, Alternate, keepsPoint: true),
            _ => FloatText.Repr(Math.Abs(d)),
        };
        if (Type is 'F' or 'E' or 'G')
            digits = digits.ToUpperInvariant();
        r.Charge(2L * digits.Length);
        return Pad(r, sign, Group(r, digits, 3), '>');
    }

    string Integer(Render r, BigInteger number)
    {
        if (Precision is not null)
            throw TemplateException.Value("Precision not allowed in integer format specifier");
        if (Type == 'c')
            return Pad(r, "", Rune(number), '<');
        var absolute = BigInteger.Abs(number);
        var digits = Type switch
        {
            'b' => absolute.ToString("b", CultureInfo.InvariantCulture).TrimStart('0'),
            'o' => Octal(absolute),
            'x' => absolute.ToString("x", CultureInfo.InvariantCulture).TrimStart('0'),
            'X' => absolute.ToString("X", CultureInfo.InvariantCulture).TrimStart('0'),
            _ => absolute.ToString(CultureInfo.InvariantCulture),
        };
        if (digits.Length == 0)
            digits = "0";
        var prefix = Alternate && Type is 'b' or 'o' or 'x' or 'X' ? "0" + Type : "";
        return Pad(r, SignOf(number.Sign < 0) + prefix, Group(r, digits, Type is 'b' or 'o' or 'x' or 'X' ? 4 : 3), '>');
    }

    public static string Octal(BigInteger number)
    {
        var digits = new List<char>();
        for (; !number.IsZero; number >>= 3)
            digits.Add((char)('0' + (int)(number & 7)));
        digits.Reverse();
        return new string([.. digits]);
    }

    public static string Rune(BigInteger number) =>
        number >= 0 && number < 0x110000 && (number < 0xd800 || number > 0xdfff) ? char.ConvertFromUtf32((int)number)
        : throw new TemplateException("OverflowError", "%c arg not in range(0x110000)");

    string SignOf(bool negative) => negative ? "-" : Sign == '-' ? "" : Sign.ToString();

    string Group(Render r, string digits, int size)
    {
        if (Grouping is not { } mark)
            return digits;
        var whole = digits.AsSpan().IndexOfAny('.', 'e') is var end and >= 0 ? end : digits.TrimEnd('%').Length;
        r.Step((long)digits.Length * digits.Length >> 10);
        for (var at = whole - size; at > 0; at -= size)
            digits = digits.Insert(at, mark.ToString());
        return digits;
    }

    string Pad(Render r, string sign, string text, char align)
    {
        var missing = Width - CodePoints.Count(sign) - CodePoints.Count(text);
        if (missing <= 0)
            return sign + text;
        r.Charge(2L * missing * Fill.Length + 2L * text.Length);
        var left = (Align ?? align) switch { '<' => 0, '^' => missing / 2, _ => missing };
        string Repeat(int times) => Fill.Length == 1 ? new string(Fill[0], times) : string.Concat(Enumerable.Repeat(Fill, times));
        return Align == '=' ? sign + Repeat(missing) + text : Repeat(left) + sign + text + Repeat(missing - left);
    }
}
