using System.Globalization;
using System.Numerics;
using System.Text;

namespace Banyan.Runtime.Templates.Formatting;

/// <summary>Floats as Python writes them: the shortest text that reads back, or exactly rounded (half to even) digits.</summary>
static class FloatText
{
    /// <summary>More digits than this are refused: no template needs them.</summary>
    public const int MaxPrecision = 1000;

    /// <summary>Python's repr: <c>1.0</c>, <c>0.1</c>, <c>1e+16</c>, <c>1e-05</c>.</summary>
    public static string Repr(double number)
    {
        if (!double.IsFinite(number))
            return Special(number);
        var (digits, exponent) = Shortest(Math.Abs(number));
        var sign = double.IsNegative(number) ? "-" : "";
        return sign + (exponent is < -4 or >= 16 ? Scientific(digits, exponent) : Plain(digits, exponent));
    }

    public static string Special(double number) => double.IsNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";

    /// <summary>Format letter f: <paramref name="precision"/> digits after the point, of the absolute value.</summary>
    public static string Fixed(double number, int precision)
    {
        var digits = Scaled(Math.Abs(number), Check(precision)).ToString(CultureInfo.InvariantCulture).PadLeft(precision + 1, '0');
        return precision == 0 ? digits : $"{digits[..^precision]}.{digits[^precision..]}";
    }

    /// <summary>Format letter e, of the absolute value.</summary>
    public static string Exponent(double number, int precision)
    {
        var (digits, exponent) = Rounded(number, Check(precision) + 1);
        return Scientific(digits, exponent);
    }

    /// <summary>
    /// Format letter g, of the absolute value; <paramref name="alternate"/> keeps trailing zeros. <paramref name="keepsPoint"/> is for
    /// the format without a letter, whose text still shows that it is a float.
    /// </summary>
    public static string General(double number, int precision, bool alternate, bool keepsPoint = false)
    {
        precision = Math.Max(1, Check(precision));
        var (digits, exponent) = Rounded(number, precision);
        if (!alternate)
            digits = digits.TrimEnd('0') is { Length: > 0 } trimmed ? trimmed : "0";
        if (exponent < -4 || exponent >= precision - (keepsPoint ? 1 : 0))
            return Scientific(digits, exponent);
        var plain = Plain(digits, exponent);
        return !alternate && !keepsPoint && plain.EndsWith(".0", StringComparison.Ordinal) ? plain[..^2] : plain;
    }

    /// <summary>Python's <c>round(number, digits)</c>.</summary>
    public static double Round(double number, int digits)
    {
        if (!double.IsFinite(number) || digits > 324)
            return number;
        if (digits < -310)
            return 0 * number;
        var scaled = Scaled(Math.Abs(number), digits);
        var rounded = double.Parse($"{scaled}e{-digits}", CultureInfo.InvariantCulture);
        return double.IsNegative(number) ? -rounded : rounded;
    }

    static int Check(int precision) => precision <= MaxPrecision ? precision
        : throw TemplateException.Limit("precision of a number", MaxPrecision);

    // number · 10^digits, rounded half to even, exactly.
    static BigInteger Scaled(double number, int digits)
    {
        var bits = BitConverter.DoubleToInt64Bits(number);
        var exponent = (int)((bits >> 52) & 0x7ff);
        BigInteger numerator = (bits & 0xfffffffffffffL) | (exponent == 0 ? 0 : 1L << 52);
        exponent = Math.Max(exponent, 1) - 1075;
        var denominator = BigInteger.One;
        if (exponent > 0)
            numerator <<= exponent;
        else
            denominator <<= -exponent;
        if (digits > 0)
            numerator *= BigInteger.Pow(10, digits);
        else
            denominator *= BigInteger.Pow(10, -digits);
        var quotient = BigInteger.DivRem(numerator, denominator, out var rest);
        var half = (rest * 2).CompareTo(denominator);
        return half > 0 || (half == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }

    // The number rounded to the given significant digits, and the exponent of the first.
    static (string Digits, int Exponent) Rounded(double number, int significant)
    {
        number = Math.Abs(number);
        if (number == 0)
            return (new string('0', significant), 0);
        var exponent = Shortest(number).Exponent;
        var digits = Scaled(number, significant - 1 - exponent).ToString(CultureInfo.InvariantCulture);
        return digits.Length > significant ? (digits[..significant], exponent + 1) : (digits, exponent);
    }

    static (string Digits, int Exponent) Shortest(double number)
    {
        if (number == 0)
            return ("0", 0);
        var shortest = number.ToString("R", CultureInfo.InvariantCulture);
        var mark = shortest.IndexOf('E');
        var mantissa = mark < 0 ? shortest : shortest[..mark];
        var exponent = mark < 0 ? 0 : int.Parse(shortest[(mark + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var whole = mantissa.IndexOf('.') is var point and >= 0 ? point : mantissa.Length;
        var all = mantissa.Replace(".", "");
        var digits = all.TrimStart('0');
        return (digits.TrimEnd('0'), exponent + whole - 1 - (all.Length - digits.Length));
    }

    static string Plain(string digits, int exponent)
    {
        if (exponent < 0)
            return "0." + new string('0', -exponent - 1) + digits;
        if (digits.Length <= exponent + 1)
            return digits.PadRight(exponent + 1, '0') + ".0";
        return digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
    }

    static string Scientific(string digits, int exponent)
    {
        var text = new StringBuilder().Append(digits[0]);
        if (digits.Length > 1)
            text.Append('.').Append(digits, 1, digits.Length - 1);
        return text.Append('e').Append(exponent < 0 ? '-' : '+')
            .Append(Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture)).ToString();
    }
}
