using System.Globalization;
using System.Numerics;
using System.Text;

namespace Banyan.Evaluation.Python;

/// <summary>A value as Python knows it, of the kinds that benchmarks pass and programs return.</summary>
abstract record PythonValue
{
    /// <summary>Reads a Python or JSON literal; <see cref="FormatException"/> names the place.</summary>
    public static PythonValue Parse(ReadOnlySpan<char> text) => PythonReader.Read(text);

    /// <summary>The value as a literal that Python reads back.</summary>
    public string ToLiteral()
    {
        var text = new StringBuilder();
        Write(text);
        return text.ToString();
    }

    /// <summary>A dictionary's value by its name, or an <see cref="EvaluationException"/> that names it.</summary>
    public PythonValue this[string name] => this is PythonDictionary d
        && d.Entries.FirstOrDefault(e => e.Key is PythonString s && s.Value == name).Value is { } value
        ? value : throw new EvaluationException($"the data has no '{name}'");

    /// <summary>A dictionary's text by its name.</summary>
    public string Text(string name) => this[name] is PythonString s ? s.Value
        : throw new EvaluationException($"the data's '{name}' is no text");

    /// <summary>A dictionary's list by its name.</summary>
    public IReadOnlyList<PythonValue> List(string name) =>
        this[name] is PythonList l ? l.Items : throw new EvaluationException($"the data's '{name}' is no list");

    protected abstract void Write(StringBuilder text);

    /// <summary>A copy with every list turned into what <paramref name="convert"/> makes of it, innermost first.</summary>
    public virtual PythonValue Map(Func<PythonList, PythonValue> convert) => this;

    protected static void WriteItems(StringBuilder text, IReadOnlyList<PythonValue> items)
    {
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
                text.Append(',');
            items[i].Write(text);
        }
    }

    internal static void WriteEntry(StringBuilder text, PythonValue key, PythonValue value)
    {
        key.Write(text);
        text.Append(':');
        value.Write(text);
    }
}

sealed record PythonNone : PythonValue
{
    public static readonly PythonNone Value = new();

    protected override void Write(StringBuilder text) => text.Append("None");
}

sealed record PythonBool(bool Value) : PythonValue
{
    protected override void Write(StringBuilder text) => text.Append(Value ? "True" : "False");
}

sealed record PythonInt(BigInteger Value) : PythonValue
{
    protected override void Write(StringBuilder text) => text.Append(Value.ToString(CultureInfo.InvariantCulture));
}

sealed record PythonFloat(double Value) : PythonValue
{
    protected override void Write(StringBuilder text) => text.Append(Literal(Value));

    /// <summary>The shortest digits that give the same number, with a point or an exponent so that Python reads a float.</summary>
    public static string Literal(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        var digits = value.ToString("R", CultureInfo.InvariantCulture);
        return digits.AsSpan().IndexOfAny('.', 'E') >= 0 ? digits : digits + ".0";
    }
}

sealed record PythonComplex(double Real, double Imaginary) : PythonValue
{
    protected override void Write(StringBuilder text) =>
        text.Append(CultureInfo.InvariantCulture, $"complex({PythonFloat.Literal(Real)},{PythonFloat.Literal(Imaginary)})");
}

sealed record PythonString(string Value) : PythonValue
{
    protected override void Write(StringBuilder text) => text.Append(Quote(Value));

    /// <summary>A Python string literal of ASCII characters.</summary>
    public static string Quote(string value)
    {
        var text = new StringBuilder(value.Length + 2).Append('"');
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            if (c is '"' or '\\')
                text.Append('\\').Append(c);
            else if (c is >= ' ' and < '\x7f')
                text.Append(c);
            else if (char.IsHighSurrogate(c) && i + 1 < value.Length && char.IsLowSurrogate(value[i + 1]))
                text.Append(CultureInfo.InvariantCulture, $"\\U{char.ConvertToUtf32(c, value[++i]):x8}");
            else
                text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }
        return text.Append('"').ToString();
    }
}

/// <summary>Bytes, each as one character of <paramref name="Value"/>.</summary>
sealed record PythonBytes(string Value) : PythonValue
{
    protected override void Write(StringBuilder text)
    {
        text.Append("b\"");
        foreach (var c in Value)
            text.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
        text.Append('"');
    }
}

sealed record PythonList(IReadOnlyList<PythonValue> Items) : PythonValue
{
    protected override void Write(StringBuilder text)
    {
        text.Append('[');
        WriteItems(text, Items);
        text.Append(']');
    }

    public override PythonValue Map(Func<PythonList, PythonValue> convert) => convert(new([.. Items.Select(i => i.Map(convert))]));
}

sealed record PythonTuple(IReadOnlyList<PythonValue> Items) : PythonValue
{
    protected override void Write(StringBuilder text)
    {
        text.Append('(');
        WriteItems(text, Items);
        text.Append(Items.Count == 1 ? ",)" : ")");
    }
}

sealed record PythonSet(IReadOnlyList<PythonValue> Items) : PythonValue
{
    protected override void Write(StringBuilder text)
    {
        text.Append("set([");
        WriteItems(text, Items);
        text.Append("])");
    }
}

sealed record PythonDictionary(IReadOnlyList<KeyValuePair<PythonValue, PythonValue>> Entries) : PythonValue
{
    protected override void Write(StringBuilder text)
    {
        text.Append('{');
        for (var i = 0; i < Entries.Count; i++)
        {
            if (i > 0)
                text.Append(',');
            WriteEntry(text, Entries[i].Key, Entries[i].Value);
        }
        text.Append('}');
    }

    public override PythonValue Map(Func<PythonList, PythonValue> convert) =>
        new PythonDictionary([.. Entries.Select(e => KeyValuePair.Create(e.Key, e.Value.Map(convert)))]);
}

/// <summary>A value too long to send, by the hash of its literal: equal to one with the same.</summary>
sealed record PythonDigest(string Hash) : PythonValue
{
    public const string Prefix = "hash:";

    protected override void Write(StringBuilder text) => text.Append("<\"").Append(Hash).Append("\">");
}

/// <summary>Something else (a generator, an object of a class): equal to nothing, whatever its own <c>__eq__</c> would say.</summary>
sealed record PythonOpaque(string Type) : PythonValue
{
    protected override void Write(StringBuilder text) => throw new InvalidOperationException($"a {Type} has no literal");
}
