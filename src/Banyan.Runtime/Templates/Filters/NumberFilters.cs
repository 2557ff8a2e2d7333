using System.Globalization;
using System.Numerics;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using static Banyan.Runtime.Templates.Filters.FilterTable;

namespace Banyan.Runtime.Templates.Filters;

static class NumberFilters
{
    public static readonly KeyValuePair<string, NativeFunction>[] Table =
    [
        Row("int", "default? base?", Int),
        Row("float", "default?", Float),
        Row("abs", "", Abs),
        Row("round", "precision? method?", Round),
        Row("filesizeformat", "binary?", FileSize),
    ];

    static Value Int(Render r, Value?[] a)
    {
        var value = a[0]!;
        if (value is UndefinedValue undefined)
            throw undefined.Error();
        if (Numbers.TryInteger(value, out var number))
            return number;
        if (value is TextValue text)
        {
            r.Step((long)text.Text.Length * text.Text.Length >> 10);
            if (Numbers.TryParse(text.Text, Numbers.Index(a[2], 10), out BigInteger integer))
                return integer;
        }
        var parsed = value is FloatValue f ? f.Number : value is TextValue t && Numbers.TryParse(t.Text, out double d) ? d : double.NaN;
        return double.IsFinite(parsed) ? new BigInteger(parsed) : a[1] ?? 0;
    }

    static Value Float(Render r, Value?[] a)
    {
        if (a[0] is UndefinedValue undefined)
            throw undefined.Error();
        if (Numbers.IsNumber(a[0]!))
            return Numbers.Float(a[0]!);
        return a[0] is TextValue text && Numbers.TryParse(text.Text, out double number) ? number : a[1] ?? 0.0;
    }

    static Value Abs(Render r, Value?[] a)
    {
        if (a[0] is UndefinedValue undefined)
            throw undefined.Error();
        if (a[0] is FloatValue f)
            return Math.Abs(f.Number);
        return Numbers.TryInteger(a[0], out var number) ? BigInteger.Abs(number)
            : throw TemplateException.Type($"bad operand type for abs(): '{a[0]!.TypeName}'");
    }

    static Value Round(Render r, Value?[] a)
    {
        var (value, precision, method) = (a[0]!, Numbers.Index(a[1], 0), a[2] is null ? "common" : Printer.Str(r, a[2]!));
        if (method is not ("common" or "ceil" or "floor"))
            throw new TemplateException("FilterArgumentError", "method must be common, ceil or floor");
        if (!Numbers.IsNumber(value))
            throw TemplateException.Type(method == "common" ? $"type {value.TypeName} doesn't define __round__ method"
                : $"must be real number, not {value.TypeName}");
        if (method != "common")
        {
            var power = Math.Pow(10, precision);
            var scaled = Numbers.Float(value) * power;
            return (method == "ceil" ? Math.Ceiling(scaled) : Math.Floor(scaled)) / power;
        }
        if (value is FloatValue f)
            return FloatText.Round(f.Number, precision);
        Numbers.TryInteger(value, out var number);
        if (precision >= 0)
            return number;
        if (precision < -4400) // no number has more digits
            return 0;
        r.Step(64);
        var unit = BigInteger.Pow(10, -precision);
        var quotient = BigInteger.DivRem(BigInteger.Abs(number), unit, out var rest);
        var half = (rest * 2).CompareTo(unit);
        return number.Sign * unit * (half > 0 || (half == 0 && !quotient.IsEven) ? quotient + 1 : quotient);
    }

    static Value FileSize(Render r, Value?[] a)
    {
        if (a[0] is not (TextValue or UndefinedValue) && !Numbers.IsNumber(a[0]!))
            throw TemplateException.Type($"float() argument must be a string or a real number, not '{a[0]!.TypeName}'");
        if (a[0] is TextValue text && !Numbers.TryParse(text.Text, out double _))
            throw TemplateException.Value($"could not convert string to float: {Printer.Quote(text.Text)}");
        var bytes = ((FloatValue)Float(r, [a[0], null])).Number;
        var binary = a[1]?.IsTrue ?? false;
        var unit = binary ? 1024.0 : 1000.0;
        if (bytes == 1)
            return new TextValue("1 Byte");
        if (bytes < unit)
            return new TextValue($"{(long)bytes} Bytes");
        var power = 0;
        for (bytes /= unit; bytes >= unit && power < 7; power++)
            bytes /= unit;
        return new TextValue(
            $"{(bytes < 0 ? "-" : "")}{FloatText.Fixed(bytes, 1)} {"kMGTPEZY"[power].ToString().ToUpper(CultureInfo.InvariantCulture).Replace("K", binary ? "K" : "k")}{(binary ? "iB" : "B")}");
    }
}
