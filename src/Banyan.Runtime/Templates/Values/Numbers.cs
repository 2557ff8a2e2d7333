using System.Globalization;
using System.Numerics;
using System.Text;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>Python's numeric tower as templates use it: bool is an int, ints have any size, int and float compare exactly.</summary>
static class Numbers
{
    public static bool IsNumber(Value value) => value is IntValue or FloatValue or BoolValue;

    /// <summary>An int or a bool.</summary>
    public static bool TryInteger(Value? value, out BigInteger number)
    {
        number = value switch { IntValue i => i.Number, BoolValue { IsTrue: true } => BigInteger.One, _ => BigInteger.Zero };
        return value is IntValue or BoolValue;
    }

    /// <summary>Any number as a float; OverflowError when an int is too large.</summary>
    public static double Float(Value value)
    {
        if (value is FloatValue f)
            return f.Number;
        TryInteger(value, out var number);
        var result = (double)number;
        return double.IsInfinity(result) ? throw new TemplateException("OverflowError", "int too large to convert to float") : result;
    }

    /// <summary>An argument that must be an integer, clamped to the range of an index.</summary>
    public static int Index(Value? value, int fallback)
    {
        if (value is null)
            return fallback;
        if (value is UndefinedValue undefined)
            throw undefined.Error();
        if (!TryInteger(value, out var number))
            throw TemplateException.Type($"'{value.TypeName}' object cannot be interpreted as an integer");
        return number > int.MaxValue ? int.MaxValue : number < -int.MaxValue ? -int.MaxValue : (int)number;
    }

    public static int? Compare(Value a, Value b)
    {
        if (a is not FloatValue && b is not FloatValue)
        {
            TryInteger(a, out var x);
            TryInteger(b, out var y);
            return x.CompareTo(y);
        }
        if (a is FloatValue f && b is FloatValue g)
            return double.IsNaN(f.Number) || double.IsNaN(g.Number) ? null : f.Number.CompareTo(g.Number);
        if (a is FloatValue left)
            return -Compare(b, left);
        var number = ((FloatValue)b).Number;
        if (double.IsNaN(number))
            return null;
        if (double.IsInfinity(number))
            return number > 0 ? -1 : 1;
        TryInteger(a, out var integer);
        var floor = Math.Floor(number);
        var order = integer.CompareTo(new BigInteger(floor));
        return order == 0 && floor < number ? -1 : order;
    }

    /// <summary>Python's <c>int(text, base)</c>.</summary>
    public static bool TryParse(string text, int radix, out BigInteger number)
    {
        number = BigInteger.Zero;
        var digits = PythonText.Strip(text, null);
        var negative = digits.StartsWith('-');
        if (negative || digits.StartsWith('+'))
            digits = digits[1..];
        var prefix = digits.Length > 1 && digits[0] == '0'
            ? char.ToLowerInvariant(digits[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (prefix != 0 && (radix == prefix || radix == 0))
            (digits, radix) = (digits[2..].TrimStart('_'), prefix);
        else if (radix == 0)
        {
            if (digits.Length > 1 && digits[0] == '0' && digits.Trim('0', '_') != "")
                return false;
            radix = 10;
        }
        if (radix is < 2 or > 36)
            throw TemplateException.Value("int() base must be >= 2 and <= 36, or 0");
        if (digits.Length > 4300) // Python 3.11 refuses as well
            return false;
        if (!Ungroup(ref digits))
            return false;
        if (radix == 10 && Ascii.IsValid(digits))
        {
            if (!digits.All(char.IsAsciiDigit))
                return false;
            number = BigInteger.Parse((negative ? "-" : "") + digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            return true;
        }
        foreach (var rune in digits.EnumerateRunes())
        {
            var digit = Digit(rune.Value, radix);
            if (digit < 0)
                return false;
            number = number * radix + digit;
        }
        if (negative)
            number = -number;
        return true;
    }

    /// <summary>Python's <c>float(text)</c>.</summary>
    public static bool TryParse(string text, out double number)
    {
        number = 0;
        var digits = PythonText.Strip(text, null);
        if (digits.Length > 10_000 || !Ungroup(ref digits))
            return false;
        var unsigned = digits.TrimStart('+', '-').ToLowerInvariant();
        if (digits.Length - unsigned.Length > 1)
            return false;
        var sign = digits[0] == '-' ? -1.0 : 1.0;
        if (unsigned is "inf" or "infinity" or "nan")
        {
            number = unsigned == "nan" ? double.NaN : sign * double.PositiveInfinity;
            return true;
        }
        return double.TryParse(digits, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture, out number);
    }

    /// <summary>Removes single underscores between digits; false for empty text or an underscore anywhere else.</summary>
    static bool Ungroup(ref string digits)
    {
        if (digits.Length == 0)
            return false;
        if (!digits.Contains('_'))
            return true;
        if (digits[0] == '_' || digits[^1] == '_' || digits.Contains("__") || digits.Contains("_.") || digits.Contains("._"))
            return false;
        digits = digits.Replace("_", "");
        return true;
    }

    static int Digit(int rune, int radix)
    {
        var digit = rune switch
        {
            >= '0' and <= '9' => rune - '0',
            >= 'a' and <= 'z' => rune - 'a' + 10,
            >= 'A' and <= 'Z' => rune - 'A' + 10,
            > 127 => CharUnicodeInfo.GetDecimalDigitValue(char.ConvertFromUtf32(rune), 0),
            _ => -1,
        };
        return digit < radix ? digit : -1;
    }
}
