using System.Numerics;

namespace Banyan.Runtime.Templates;

/// <summary>What filters call an attribute: <c>'function.name'</c>, <c>'items.0'</c> or a number, looked up item first at each point.</summary>
sealed class AttributePath(IReadOnlyList<Value> parts)
{
    public static AttributePath Parse(Value attribute) => attribute is TextValue text
        ? new([.. text.Text.Split('.').Select(p => p.Length > 0 && p.All(char.IsAsciiDigit) && Numbers.TryParse(p, 10, out BigInteger number) ? (Value)number : new TextValue(p))])
        : new([attribute]);

    /// <summary>Several, separated by commas; what is none gives the value itself.</summary>
    public static IReadOnlyList<AttributePath> ParseAll(Value? attribute) => attribute switch
    {
        null or NoneValue => [new([])],
        TextValue text => [.. text.Text.Split(',').Select(p => Parse(new TextValue(p)))],
        _ => [Parse(attribute)],
    };

    public Value Get(Render r, Value item, Value? fallback = null)
    {
        foreach (var part in parts)
        {
            item = Lookup.Item(r, item, part);
            if (item is UndefinedValue && fallback is not (null or NoneValue))
                item = fallback;
        }
        return item;
    }
}
