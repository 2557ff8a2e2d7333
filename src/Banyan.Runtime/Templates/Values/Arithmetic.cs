using System.Numerics;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>The operators + - * / // % **.</summary>
static class Arithmetic
{
    static readonly string[] s_symbols = ["+", "-", "*", "/", "//", "%", "** or pow()"];

    public static Value Sign(Value value, bool negative)
    {
        if (value is UndefinedValue undefined)
            throw undefined.Error();
        if (value is FloatValue f)
            return negative ? -f.Number : f.Number;
        if (!Numbers.TryInteger(value, out var number))
            throw TemplateException.Type($"bad operand type for unary {(negative ? '-' : '+')}: '{value.TypeName}'");
        return negative ? -number : number;
    }

    public static Value Apply(Render r, Operator op, Value a, Value b)
    {
        if (op == Operator.Modulo && a is TextValue format)
            return PercentFormat.Apply(r, format, b);
        if (a is UndefinedValue u)
            throw u.Error();
        if (b is UndefinedValue v)
            throw v.Error();
        if (Numbers.IsNumber(a) && Numbers.IsNumber(b))
            return a is FloatValue || b is FloatValue ? OfFloats(op, Numbers.Float(a), Numbers.Float(b)) : OfIntegers(r, op, a, b);
        if (op == Operator.Add)
            return Join(r, a, b);
        if (op == Operator.Multiply && (Repeat(r, a, b) ?? Repeat(r, b, a)) is { } repeated)
            return repeated;
        throw Unsupported(op, a, b);
    }

    static TemplateException Unsupported(Operator op, Value a, Value b) =>
        TemplateException.Type($"unsupported operand type(s) for {s_symbols[(int)op]}: '{a.TypeName}' and '{b.TypeName}'");

    static Value Join(Render r, Value a, Value b)
    {
        switch (a, b)
        {
            case (TextValue x, TextValue y) when x.IsMarkup || y.IsMarkup:
                return r.Text(Markup.Text(r, x) + Markup.Text(r, y), isMarkup: true);
            case (TextValue x, TextValue y):
                r.Charge(2L * (x.Text.Length + y.Text.Length) + 32);
                return new TextValue(x.Text + y.Text);
            case (TextValue, _):
                throw TemplateException.Type($"can only concatenate str (not \"{b.TypeName}\") to str");
            case (ListValue x, ListValue y) when x.IsTuple == y.IsTuple:
                r.Charge(8L * (x.Items.Count + y.Items.Count) + 48);
                r.Step((x.Items.Count + y.Items.Count) >> 4);
                return new ListValue([.. x.Items, .. y.Items], x.IsTuple);
            case (ListValue, _):
                throw TemplateException.Type($"can only concatenate {a.TypeName} (not \"{b.TypeName}\") to {a.TypeName}");
            default:
                throw Unsupported(Operator.Add, a, b);
        }
    }

    static TemplateException CannotRepeat(Value by) =>
        TemplateException.Type($"can't multiply sequence by non-int of type '{by.TypeName}'");

    static Value? Repeat(Render r, Value sequence, Value by)
    {
        if (sequence is not (TextValue or ListValue))
            return null;
        if (!Numbers.TryInteger(by, out _))
            throw CannotRepeat(by);
        var times = Math.Max(0, Numbers.Index(by, 0));
        if (sequence is TextValue text)
        {
            if (text.Text.Length == 0)
                times = 0;
            r.Charge(2L * text.Text.Length * times + 32);
            return new TextValue(times == 0 ? "" : string.Concat(Enumerable.Repeat(text.Text, times)), text.IsMarkup);
        }
        var list = (ListValue)sequence;
        if (list.Items.Count == 0)
            times = 0;
        r.Charge(8L * list.Items.Count * times + 48);
        r.Step((long)list.Items.Count * times >> 4);
        var items = new Value[list.Items.Count * times];
        for (var i = 0; i < items.Length; i++)
            items[i] = list.Items[i % list.Items.Count];
        return new ListValue(items, list.IsTuple);
    }

    static Value OfIntegers(Render r, Operator op, Value a, Value b)
    {
        Numbers.TryInteger(a, out var x);
        Numbers.TryInteger(b, out var y);
        r.Step(x.GetBitLength() * y.GetBitLength() >> 14);
        switch (op)
        {
            case Operator.Add: return x + y;
            case Operator.Subtract: return x - y;
            case Operator.Multiply: return x * y;
            case Operator.Power: return y.Sign < 0 ? OfFloats(op, Numbers.Float(a), Numbers.Float(b)) : Power(x, y);
        }
        if (y.IsZero)
            throw new TemplateException("ZeroDivisionError", op switch
            {
                Operator.Divide => "division by zero",
                Operator.Modulo => "integer modulo by zero",
                _ => "integer division or modulo by zero",
            });
        if (op == Operator.Divide)
            return Quotient(x, y);
        var quotient = BigInteger.DivRem(x, y, out var rest);
        if (!rest.IsZero && rest.Sign != y.Sign)
            (quotient, rest) = (quotient - 1, rest + y);
        return op == Operator.FloorDivide ? quotient : rest;
    }

    // Correctly rounded if both fit in a float, which is all a template needs.
    static double Quotient(BigInteger x, BigInteger y)
    {
        var result = (double)x / (double)y;
        return double.IsFinite(result) ? result
            : throw new TemplateException("OverflowError", "integer division result too large for a float");
    }

    static BigInteger Power(BigInteger x, BigInteger y)
    {
        if (x.IsZero || x.IsOne || y.IsZero)
            return y.IsZero ? 1 : x;
        if (x == BigInteger.MinusOne)
            return y.IsEven ? 1 : -1;
        if (y > IntValue.MaxBits || (x.GetBitLength() - 1) * (long)y > IntValue.MaxBits)
            throw TemplateException.Limit("bits of an integer", IntValue.MaxBits);
        return BigInteger.Pow(x, (int)y);
    }

    static Value OfFloats(Operator op, double x, double y)
    {
        switch (op)
        {
            case Operator.Add: return x + y;
            case Operator.Subtract: return x - y;
            case Operator.Multiply: return x * y;
            case Operator.Power:
                if (x == 0 && y < 0)
                    throw new TemplateException("ZeroDivisionError", "0.0 cannot be raised to a negative power");
                if (x < 0 && double.IsFinite(y) && !double.IsInteger(y))
                    throw TemplateException.Value("a negative number to a fractional power is complex, which templates have no use for");
                var power = Math.Pow(x, y);
                return double.IsInfinity(power) && double.IsFinite(x) && double.IsFinite(y)
                    ? throw new TemplateException("OverflowError", "(34, 'Numerical result out of range')") : power;
        }
        if (y == 0)
            throw new TemplateException("ZeroDivisionError", op switch
            {
                Operator.Divide => "float division by zero",
                Operator.FloorDivide => "float floor division by zero",
                _ => "float modulo",
            });
        if (op == Operator.Divide)
            return x / y;
        var rest = x % y;
        if (rest != 0 && rest < 0 != y < 0)
            rest += y;
        else if (rest == 0)
            rest = Math.CopySign(0, y);
        return op == Operator.Modulo ? rest : Floor(x, y, rest);
    }

    static double Floor(double x, double y, double rest)
    {
        var quotient = (x - rest) / y;
        var floor = Math.Floor(quotient);
        return quotient == 0 ? Math.CopySign(0, x / y) : quotient - floor > 0.5 ? floor + 1 : floor;
    }
}
