using System.Globalization;
using System.Numerics;
using System.Text;

namespace Banyan.Evaluation.Python;

/// <summary>
/// Reads literals: what the driver writes, Python's own, and JSON as Python writes it (with NaN and Infinity).
/// It reads what untrusted programs wrote, so depth is bounded and every failure is a <see cref="FormatException"/>.
/// </summary>
ref struct PythonReader
{
    const int MaximumDepth = 100;

    readonly ReadOnlySpan<char> _text;
    int _at, _depth;

    PythonReader(ReadOnlySpan<char> text) => _text = text;

    public static PythonValue Read(ReadOnlySpan<char> text)
    {
        var reader = new PythonReader(text);
        var value = reader.Value();
        reader.Space();
        return reader._at == text.Length ? value : throw reader.Error("the end");
    }

    readonly FormatException Error(string expected) =>
        new($"not a Python literal: {expected} expected at {_at} of '{(_text.Length > 200 ? string.Concat(_text[..200], "…") : _text.ToString())}'");

    readonly char Peek => _at < _text.Length ? _text[_at] : '\0';

    void Space()
    {
        while (_at < _text.Length && _text[_at] is ' ' or '\n' or '\r' or '\t')
            _at++;
    }

    bool Take(char c)
    {
        Space();
        if (Peek != c || _at >= _text.Length)
            return false;
        _at++;
        return true;
    }

    bool Take(string word)
    {
        if (!_text[_at..].StartsWith(word))
            return false;
        _at += word.Length;
        return true;
    }

    void Need(char c)
    {
        if (!Take(c))
            throw Error($"'{c}'");
    }

    PythonValue Value()
    {
        Space();
        if (_depth++ > MaximumDepth)
            throw Error($"at most {MaximumDepth} levels");
        PythonValue value = Peek switch
        {
            '[' => new PythonList(Items('[', ']', out _)),
            '(' => Parenthesis(),
            '{' => Braces(),
            '"' or '\'' => new PythonString(Text()),
            '<' => Opaque(),
            _ => Word(),
        };
        _depth--;
        return value;
    }

    List<PythonValue> Items(char open, char close, out bool comma)
    {
        Need(open);
        comma = false;
        var items = new List<PythonValue>();
        while (!Take(close))
        {
            if (items.Count > 0 && !comma)
                throw Error("','");
            items.Add(Value());
            comma = Take(',');
        }
        return items;
    }

    PythonValue Parenthesis()
    {
        var items = Items('(', ')', out var comma);
        return items.Count == 1 && !comma ? items[0] : new PythonTuple(items);
    }

    PythonValue Braces()
    {
        Need('{');
        var entries = new List<KeyValuePair<PythonValue, PythonValue>>();
        var items = new List<PythonValue>();
        var comma = true;
        while (!Take('}'))
        {
            if (!comma)
                throw Error("','");
            var key = Value();
            if (items.Count == 0 && Take(':'))
                entries.Add(KeyValuePair.Create(key, Value()));
            else if (entries.Count == 0)
                items.Add(key);
            else
                throw Error("':'");
            comma = Take(',');
        }
        return items.Count > 0 ? new PythonSet(items) : new PythonDictionary(entries);
    }

    PythonValue Opaque()
    {
        Need('<');
        var type = Text();
        Need('>');
        return type.StartsWith(PythonDigest.Prefix, StringComparison.Ordinal) ? new PythonDigest(type) : new PythonOpaque(type);
    }

    PythonValue Word()
    {
        if (Take("None") || Take("null"))
            return PythonNone.Value;
        if (Take("True") || Take("true"))
            return new PythonBool(true);
        if (Take("False") || Take("false"))
            return new PythonBool(false);
        if (Take("complex("))
        {
            var real = Double();
            Need(',');
            var imaginary = Double();
            Need(')');
            return new PythonComplex(real, imaginary);
        }
        if (Take("set(") || Take("frozenset("))
        {
            var items = Peek == ')' ? [] : Items('[', ']', out _);
            Need(')');
            return new PythonSet(items);
        }
        if (_text[_at..] is ['b', '"' or '\'', ..])
        {
            _at++;
            return new PythonBytes(Text());
        }
        return Number();
    }

    double Double() => Value() switch
    {
        PythonFloat f => f.Value,
        PythonInt i => (double)i.Value,
        _ => throw Error("a number"),
    };

    PythonValue Number()
    {
        var start = _at;
        var negative = false;
        if (Peek is '-' or '+')
            negative = _text[_at++] == '-';
        if (Take("inf") || Take("Infinity"))
            return new PythonFloat(negative ? double.NegativeInfinity : double.PositiveInfinity);
        if (Take("nan") || Take("NaN"))
            return new PythonFloat(double.NaN);
        if (Take("0x"))
        {
            var digits = _at;
            while (char.IsAsciiHexDigit(Peek))
                _at++;
            var magnitude = BigInteger.Parse($"0{_text[digits.._at]}", NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            return new PythonInt(negative ? -magnitude : magnitude);
        }
        var integral = true;
        while (char.IsAsciiDigit(Peek) || Peek is '.' or 'e' or 'E' || (Peek is '-' or '+' && _text[_at - 1] is 'e' or 'E'))
            integral &= char.IsAsciiDigit(_text[_at++]);
        var number = _text[start.._at];
        if (integral && BigInteger.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            return new PythonInt(whole);
        return double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var real)
            ? new PythonFloat(real) : throw Error("a value");
    }

    string Text()
    {
        var quote = Peek;
        if (quote is not ('"' or '\''))
            throw Error("a quote");
        _at++;
        var text = new StringBuilder();
        while (Peek != quote)
        {
            if (_at >= _text.Length)
                throw Error("a closing quote");
            var c = _text[_at++];
            if (c != '\\')
            {
                text.Append(c);
                continue;
            }
            var escape = Peek;
            _at++;
            switch (escape)
            {
                case 'n': text.Append('\n'); break;
                case 'r': text.Append('\r'); break;
                case 't': text.Append('\t'); break;
                case 'b': text.Append('\b'); break;
                case 'f': text.Append('\f'); break;
                case '\\' or '\'' or '"' or '/': text.Append(escape); break;
                case 'x': text.Append((char)Hexadecimal(2)); break;
                case 'u': text.Append((char)Hexadecimal(4)); break;
                case 'U' when Hexadecimal(8) is <= 0x10FFFF and var point:
                    text.Append(point < 0x10000 ? ((char)point).ToString() : char.ConvertFromUtf32(point));
                    break;
                default: throw Error("a known escape");
            }
        }
        _at++;
        return text.ToString();
    }

    int Hexadecimal(int digits)
    {
        if (_at + digits > _text.Length
            || !int.TryParse(_text.Slice(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            throw Error($"{digits} hexadecimal digits");
        _at += digits;
        return value;
    }
}
