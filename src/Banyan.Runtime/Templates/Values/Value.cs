using System.Numerics;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>A value in a template. The types are a closed set, all in this folder; all but a few stateful ones are immutable.</summary>
abstract class Value
{
    /// <summary>The type's name in Python, for error messages.</summary>
    public abstract string TypeName { get; }

    /// <summary>Whether <c>{% if value %}</c> takes the branch.</summary>
    public virtual bool IsTrue => true;

    /// <summary>Jinja2's name for the owner of a missing attribute: <c>dict object</c>, <c>None</c>.</summary>
    public virtual string ObjectName => TypeName + " object";

    public static implicit operator Value(bool value) => value ? BoolValue.True : BoolValue.False;
    public static implicit operator Value(int value) => IntValue.Of(value);
    public static implicit operator Value(BigInteger value) => IntValue.Of(value);
    public static implicit operator Value(double value) => new FloatValue(value);
}

sealed class NoneValue : Value
{
    public static readonly NoneValue None = new();
    public override string TypeName => "NoneType";
    public override string ObjectName => "None";
    public override bool IsTrue => false;
}

sealed class BoolValue : Value
{
    public static readonly BoolValue True = new(true), False = new(false);
    BoolValue(bool value) => IsTrue = value;
    public override string TypeName => "bool";
    public override bool IsTrue { get; }
}

/// <summary>An integer of any size up to <see cref="MaxBits"/>, beyond which Python also refuses to print it.</summary>
sealed class IntValue : Value
{
    public const int MaxBits = 14_285; // 4,300 decimal digits
    static readonly IntValue[] s_small = [.. Enumerable.Range(-16, 272).Select(i => new IntValue(i))];

    public readonly BigInteger Number;
    IntValue(BigInteger number) => Number = number;
    public override string TypeName => "int";
    public override bool IsTrue => !Number.IsZero;

    public static IntValue Of(int value) => value is >= -16 and < 256 ? s_small[value + 16] : new IntValue(value);

    public static IntValue Of(BigInteger value) =>
        value.GetBitLength() > MaxBits ? throw TemplateException.Limit("bits of an integer", MaxBits)
        : value >= -16 && value < 256 ? s_small[(int)value + 16] : new IntValue(value);
}

sealed class FloatValue(double number) : Value
{
    public readonly double Number = number;
    public override string TypeName => "float";
    public override bool IsTrue => Number != 0;
}

/// <summary>
/// A string. <see cref="IsMarkup"/> marks it as already escaped (<c>safe</c>, <c>escape</c>): text appended to it is escaped.
/// </summary>
sealed class TextValue(string text, bool isMarkup = false) : Value
{
    public static readonly TextValue Empty = new("");
    public readonly string Text = text;
    public readonly bool IsMarkup = isMarkup;
    public override string TypeName => IsMarkup ? "Markup" : "str";
    public override string ObjectName => IsMarkup ? "markupsafe.Markup object" : "str object";
    public override bool IsTrue => Text.Length > 0;
}

/// <summary>
/// The value of a missing variable or attribute: it prints as nothing, iterates as empty and is false; any other operation fails with
/// <see cref="Error"/>.
/// </summary>
sealed class UndefinedValue(string detail, string kind = "UndefinedError") : Value
{
    public override string TypeName => "Undefined";
    public override string ObjectName => "Undefined";
    public override bool IsTrue => false;
    public TemplateException Error() => new(kind, detail);

    /// <summary>Whether it is only missing, and not refused by the sandbox.</summary>
    public bool IsPlain => kind == "UndefinedError";

    public static UndefinedValue Name(string name) => new($"{Printer.Quote(name)} is undefined");

    public static Value Missing(Value owner, string attribute) =>
        new UndefinedValue($"{Printer.Quote(owner.ObjectName)} has no attribute {Printer.Quote(attribute)}");
}
