using System.Globalization;
using System.Numerics;
using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>A number of JSON, exactly: unscaled / 10^scale, without zeros at the end.</summary>
internal readonly record struct Decimals(BigInteger Unscaled, int Scale)
{
    const int MostDigits = 400;

    public bool IsInteger => Scale == 0;

    /// <summary>Reads a JSON number; null if it has more digits than are followed.</summary>
    public static Decimals? Parse(string json)
    {
        var at = json.IndexOfAny(['e', 'E']);
        var (mantissa, exponent) = at < 0 ? (json, 0)
            : (json[..at], int.TryParse(json.AsSpan(at + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var e)
                ? e : int.MaxValue);
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var digits = point < 0 ? mantissa : mantissa.Remove(point, 1);
        if (digits.Length > MostDigits || exponent is < -MostDigits or > MostDigits)
            return digits.Trim('-', '0').Length == 0 ? new(0, 0) : null;
        var (unscaled, scale) = (BigInteger.Parse(digits, CultureInfo.InvariantCulture),
            (point < 0 ? 0 : mantissa.Length - point - 1) - exponent);
        if (unscaled.IsZero)
            return new(0, 0);
        for (; scale < 0; scale++)
            unscaled *= 10;
        while (scale > 0 && (unscaled % 10).IsZero)
            (unscaled, scale) = (unscaled / 10, scale - 1);
        return new(unscaled, scale);
    }

    /// <summary>Written plainly: without exponent, and without point where it is whole.</summary>
    public override string ToString()
    {
        var (whole, fraction) = Parts;
        return (Unscaled.Sign < 0 ? "-" : "") + whole + (fraction.Length > 0 ? "." + fraction : "");
    }

    /// <summary>The digits of its magnitude before and after the point.</summary>
    public (string Whole, string Fraction) Parts
    {
        get
        {
            var digits = BigInteger.Abs(Unscaled).ToString(CultureInfo.InvariantCulture).PadLeft(Scale + 1, '0');
            return (digits[..^Scale], digits[^Scale..]);
        }
    }
}

/// <summary>Languages of numbers. Constrained ones are written plainly, without exponent, and zero has no sign.</summary>
internal sealed class NumberLanguages
{
    readonly RegexTable _table;
    readonly Regex _digit, _nonzero, _digits, _point, _minus, _fraction, _zeros;

    public NumberLanguages(RegexTable table)
    {
        _table = table;
        _digit = table.Bytes(ByteSet.Range('0', '9'));
        _nonzero = table.Bytes(ByteSet.Range('1', '9'));
        (_digits, _point, _minus) = (table.Star(_digit), table.Literal("."), table.Literal("-"));
        _fraction = table.Optional(table.Concat(_point, _digit, _digits));
        _zeros = table.Optional(table.Concat(_point, table.Loop(table.Literal("0"), 1, -1)));
        var whole = table.Union(table.Literal("0"), table.Concat(_nonzero, _digits));
        // A minus stands before what is not zero.
        var negative = table.Concat(_minus, table.Union(table.Concat(_nonzero, _digits, _fraction),
            table.Concat(table.Literal("0."), table.Star(table.Literal("0")), _nonzero, _digits)));
        Plain = table.Union(table.Concat(whole, _fraction), negative);
        Integer = table.Union(table.Literal("0"), table.Concat(table.Optional(_minus), _nonzero, _digits));
        WideInteger = table.Concat(Integer, _zeros);
        // As JSON has them; the exponent is bounded so that every parser knows the number.
        Any = table.Concat(table.Optional(_minus), whole, _fraction,
            table.Optional(table.Concat(table.Bytes(ByteSet.Of((byte)'e') | ByteSet.Of((byte)'E')),
                table.Optional(table.Bytes(ByteSet.Of((byte)'+') | ByteSet.Of((byte)'-'))), table.Loop(_digit, 1, 2))));
    }

    /// <summary>Any number, each written in one way only.</summary>
    public Regex Shortest => _table.Intersection(Plain, _table.Not(_table.Concat(_table.Anything, _point, _digits, _table.Literal("0"))));

    /// <summary>Any number, also with an exponent.</summary>
    public Regex Any { get; }

    /// <summary>Any number, written plainly.</summary>
    public Regex Plain { get; }

    /// <summary>Whole numbers.</summary>
    public Regex Integer { get; }

    /// <summary>Whole numbers, also those with zeros after the point.</summary>
    public Regex WideInteger { get; }

    /// <summary>One number, written in the shortest way.</summary>
    public Regex Equal(Decimals value) => _table.Literal(value.ToString());

    /// <summary>One number, with zeros at its end or not.</summary>
    public Regex WideEqual(Decimals value) => value.IsInteger ? _table.Concat(_table.Literal(value.ToString()), _zeros)
        : _table.Concat(_table.Literal(value.ToString()), _table.Star(_table.Literal("0")));

    /// <summary>Numbers of at least a value, or above it.</summary>
    public Regex AtLeast(Decimals value, bool exclusive) => value.Unscaled.Sign switch
    {
        0 => exclusive ? Magnitude(value, exclusive: true) : _table.Intersection(Plain, _table.Not(_table.Concat(_minus, _table.Anything))),
        > 0 => Magnitude(value, exclusive),
        // Not so far below zero, or not below it.
        < 0 => _table.Intersection(Plain, _table.Not(_table.Concat(_minus, Magnitude(value, exclusive: !exclusive)))),
    };

    /// <summary>Numbers of at most a value, or below it.</summary>
    public Regex AtMost(Decimals value, bool exclusive) => _table.Intersection(Plain, _table.Not(AtLeast(value, !exclusive)));

    /// <summary>Multiples of a positive number; null if it has too many digits.</summary>
    /// <param name="of">The number.</param>
    /// <param name="wide">Also with zeros at the end that say nothing.</param>
    public Regex? Multiples(Decimals of, bool wide)
    {
        if (of.Unscaled > 10_000 || of.Scale > 12)
            return null;
        return _table.Intersection(Plain, _table.Machine(new Multiple((long)of.Unscaled, of.Scale, wide), Multiple.Start));
    }

    // Digits without sign whose value is at least, or above, that of another.
    Regex Magnitude(Decimals value, bool exclusive)
    {
        var (whole, fraction) = value.Parts;
        var alternatives = new List<Regex> { _table.Concat(_nonzero, _table.Loop(_digit, whole.Length, -1), _fraction) };
        for (var i = 0; i < whole.Length; i++)
            if (whole[i] < '9' && (i > 0 || whole != "0"))
                alternatives.Add(_table.Concat(_table.Literal(whole[..i]), Above(whole[i]),
                    _table.Loop(_digit, whole.Length - 1 - i, whole.Length - 1 - i), _fraction));
        if (whole == "0")
            alternatives.Add(_table.Concat(_nonzero, _fraction));
        for (var i = 0; i < fraction.Length; i++)
            if (fraction[i] < '9')
                alternatives.Add(_table.Concat(_table.Literal($"{whole}.{fraction[..i]}"), Above(fraction[i]), _digits));
        // The same digits, and more.
        var same = _table.Literal(fraction.Length == 0 ? whole : $"{whole}.{fraction}");
        var more = exclusive ? _table.Concat(_digits, _nonzero, _digits) : _digits;
        alternatives.Add(fraction.Length > 0 ? _table.Concat(same, more)
            : exclusive ? _table.Concat(same, _point, more) : _table.Concat(same, _fraction));
        return _table.Union([.. alternatives]);

        Regex Above(char digit) => _table.Bytes(ByteSet.Range(digit + 1, '9'));
    }

    /// <summary>Divides while digits come: states are remainders, before the point and after the given number of digits after it.</summary>
    sealed class Multiple(long divisor, int scale, bool wide) : IMachine
    {
        public const int Start = 0;
        const int Sign = 1, First = 2; // then remainder + divisor · (0 before the point, 1 + digits after it)

        public IReadOnlyList<ByteSet> Tells { get; } =
            [.. Enumerable.Range('0', 10).Select(d => ByteSet.Of((byte)d)), ByteSet.Of((byte)'-'), ByteSet.Of((byte)'.')];

        public bool IsAccepting(int state) => state >= First && Decode(state) is var (remainder, phase) && phase != 1
            && Completes(remainder, Math.Max(0, phase - 1), 0);

        public int Next(int state, byte value)
        {
            if (value == '-')
                return state == Start ? Sign : -1;
            if (value == '.')
                return state >= First && Decode(state) is (var whole, 0) && Ends(whole, 0) ? Encode(whole, 1) : -1;
            if (value is < (byte)'0' or > (byte)'9')
                return -1;
            if (state < First)
                return Encode((value - '0') % divisor, 0);
            var (remainder, phase) = Decode(state);
            if (phase == 0)
                return Encode((remainder * 10 + value - '0') % divisor, 0);
            if (phase > scale)
                return value == '0' && wide ? Encode(remainder, Math.Min(phase + 1, scale + 2)) : -1;
            remainder = (remainder * 10 + value - '0') % divisor;
            return Ends(remainder, phase) ? Encode(remainder, phase + 1) : -1;
        }

        // Whether digits after so many behind the point can make it a multiple.
        bool Ends(long remainder, int digits)
        {
            var (left, power) = (scale - digits, 1L);
            for (var i = 0; i < left; i++)
                power *= 10;
            var rest = (long)((BigInteger)remainder * power % divisor);
            return (divisor - rest) % divisor < power;
        }

        bool Completes(long remainder, int digits, long add)
        {
            for (var i = digits; i < scale; i++)
                remainder = remainder * 10 % divisor;
            return (remainder + add) % divisor == 0;
        }

        int Encode(long remainder, int phase) => checked((int)(First + remainder + divisor * phase));

        (long Remainder, int Phase) Decode(int state) => ((state - First) % divisor, (int)((state - First) / divisor));
    }
}
