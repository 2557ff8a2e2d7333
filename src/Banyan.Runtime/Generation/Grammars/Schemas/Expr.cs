using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>JSON's types, with a boolean's two values apart.</summary>
[Flags]
internal enum JsonTypes : byte
{
    None = 0,
    Null = 1,
    False = 2,
    True = 4,
    Number = 8,
    String = 16,
    Array = 32,
    Object = 64,
    All = 127,
}

/// <summary>
/// What a schema says of a value, in pieces that can be negated. As keywords do, a piece about one type lets values of others pass.
/// </summary>
internal abstract class Expr
{
    public int Id { get; set; }

    /// <summary>Its complement, made once.</summary>
    public Expr? Negated { get; set; }

    /// <summary>Where it stands, for messages.</summary>
    public string Path { get; init; } = "";
}

internal sealed class TrueExpr : Expr;

internal sealed class NotExpr(Expr inner) : Expr
{
    public Expr Inner => inner;
}

internal sealed class AllExpr(IReadOnlyList<Expr> items) : Expr
{
    public IReadOnlyList<Expr> Items => items;
}

/// <param name="items">One of them holds.</param>
/// <param name="exclusive">Whether no two hold together; those of anyOf can, which matters for what they evaluate.</param>
internal sealed class AnyExpr(IReadOnlyList<Expr> items, bool exclusive) : Expr
{
    public IReadOnlyList<Expr> Items => items;
    public bool Exclusive => exclusive;
}

/// <summary>A schema by its place, read when it is reached, so that schemas can refer to themselves.</summary>
internal sealed class PlaceExpr(Func<Expr> read) : Expr
{
    Expr? _target;

    public Expr Target => _target ??= read();
}

/// <summary><c>unevaluatedProperties</c>, <c>unevaluatedItems</c>: of what the rest of the schema did not look at.</summary>
internal sealed class UnevaluatedExpr(Expr rest, Expr value, bool items) : Expr
{
    public Expr Rest => rest;
    public Expr Value => value;
    public bool Items => items;
}

/// <param name="types">The types it can have.</param>
internal sealed class TypeExpr(JsonTypes types) : Expr
{
    public JsonTypes Types => types;

    /// <summary>Whether a number must be whole.</summary>
    public bool Integer => Language is not null;

    /// <summary>The whole numbers as they are written, and as they could be.</summary>
    public Regex? Language { get; init; }

    /// <inheritdoc cref="Language"/>
    public Regex? WideLanguage { get; init; }
}

/// <summary>One of several scalars.</summary>
/// <param name="types">Which of null, false and true.</param>
/// <param name="numbers">The numbers as they are written; null for none.</param>
/// <param name="wideNumbers">And as they could be.</param>
/// <param name="strings">The strings, quotes included; null for none.</param>
internal sealed class ScalarExpr(JsonTypes types, Regex? numbers, Regex? wideNumbers, Regex? strings) : Expr
{
    public JsonTypes Types => types;
    public Regex? Numbers => numbers;
    public Regex? WideNumbers => wideNumbers;
    public Regex? Strings => strings;
}

/// <param name="language">The numbers as they are written.</param>
/// <param name="wide">And as they could be.</param>
internal sealed class NumberExpr(Regex language, Regex? wide = null) : Expr
{
    public Regex Language => language;
    public Regex Wide => wide ?? language;
}

/// <param name="language">The strings, quotes included.</param>
internal sealed class StringExpr(Regex language) : Expr
{
    public Regex Language => language;
}

/// <param name="min">Characters at least.</param>
/// <param name="max">Characters at most; -1 for no limit.</param>
internal sealed class LengthExpr(int min, int max) : Expr
{
    public int Min => min;
    public int Max => max;
}

/// <summary>Items at and after an index.</summary>
internal sealed class ItemsExpr(int from, Expr value) : Expr
{
    public int From => from;
    public Expr Value => value;
    public bool Annotates { get; init; } = true;
}

/// <summary>The item at an index, where there is one.</summary>
internal sealed class ItemExpr(int index, Expr value) : Expr
{
    public int Index => index;
    public Expr Value => value;
    public bool Annotates { get; init; } = true;
}

/// <summary>How many items at and after an index are of a kind.</summary>
internal sealed class ContainsExpr(int from, Expr value, int min, int max) : Expr
{
    public int From => from;
    public Expr Value => value;
    public int Min => min;

    /// <summary>-1 for no limit.</summary>
    public int Max => max;
}

internal sealed class ItemCountExpr(int min, int max) : Expr
{
    public int Min => min;
    public int Max => max;
}

internal sealed class UniqueExpr : Expr;

/// <summary>Values of properties whose name, quotes included, is in a language.</summary>
internal sealed class PropertyExpr(Regex names, string? exact, Expr value) : Expr
{
    public Regex Names => names;

    /// <summary>The name, where it is one.</summary>
    public string? Exact => exact;

    public Expr Value => value;
    public bool Annotates { get; init; } = true;
}

internal sealed class RequiredExpr(string name) : Expr
{
    public string Name => name;
}

/// <summary>Some property whose name is in a language has such a value.</summary>
internal sealed class ExistsExpr(Regex names, Expr value) : Expr
{
    public Regex Names => names;
    public Expr Value => value;
}

internal sealed class PropertyCountExpr(int min, int max) : Expr
{
    public int Min => min;
    public int Max => max;
}
