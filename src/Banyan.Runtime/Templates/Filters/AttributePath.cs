using System.Numerics;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Filters;

/// <summary>
/// An attribute as filters take it: <c>'function.name'</c>, <c>'items.0'</c> or a number, looked up item first at each point.
/// </summary>
sealed class AttributePath(IReadOnlyList<Value> parts)
{
    public static AttributePath Parse(Render r, Value attribute)
    {
        if (attribute is not TextValue text)
            return new([attribute]);
        r.Charge(64L * text.Text.Length);
        return new(
            [.. text.Text.Split('.')
                .Select(p => p.Length is > 0 and < 10 && p.All(char.IsAsciiDigit) && Numbers.TryParse(p, 10, out BigInteger number)
                    ? (Value)number : new TextValue(p))]);
    }

    /// <summary>Several, separated by commas; None gives the item itself.</summary>
    public static IReadOnlyList<AttributePath> ParseAll(Render r, Value? attribute) => attribute switch
    {
        null or NoneValue => [new([])],
        TextValue text => [.. text.Text.Split(',').Select(p => Parse(r, new TextValue(p)))],
        _ => [Parse(r, attribute)],
    };

    public Value Get(Render r, Value item, Value? fallback = null)
    {
        foreach (var part in parts)
        {
            r.Step();
            item = Lookup.Item(r, item, part);
            if (item is UndefinedValue && fallback is not (null or NoneValue))
                item = fallback;
        }
        return item;
    }
}
