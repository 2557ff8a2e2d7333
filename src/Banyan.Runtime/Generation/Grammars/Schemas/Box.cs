using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>
/// One way for a value to be valid, without alternatives: which types it can have and what holds for each. A schema is a union of such.
/// </summary>
internal sealed class Box
{
    public JsonTypes Types { get; set; } = JsonTypes.All;

    public List<Regex> Numbers { get; private init; } = [];
    public List<Regex> NotNumbers { get; private init; } = [];

    public List<Regex> Strings { get; private init; } = [];
    public bool WholeStrings { get; set; } // one of the languages is of JSON strings alone
    public int MinLength { get; set; }
    public int MaxLength { get; set; } = -1;

    public List<(int From, Expr Value)> Items { get; private init; } = [];
    public List<(int Index, Expr Value)> Prefix { get; private init; } = [];
    public List<ContainsExpr> Contains { get; private init; } = [];
    public int MinItems { get; set; }
    public int MaxItems { get; set; } = -1;
    public UniqueExpr? Unique { get; set; }

    public List<(Regex Names, string? Exact, Expr Value)> Properties { get; private init; } = [];
    public SortedSet<string> Required { get; private init; } = new(StringComparer.Ordinal);
    public List<ExistsExpr> Exists { get; private init; } = [];
    public int MinProperties { get; set; }
    public int MaxProperties { get; set; } = -1;

    /// <summary>Reads its arrays; null until computed.</summary>
    public ArrayPlan? ArrayPlan { get; set; }

    /// <summary>Reads its objects; null until computed.</summary>
    public ObjectPlan? ObjectPlan { get; set; }

    // What keywords looked at, for unevaluatedProperties and unevaluatedItems.
    public List<Regex> SeenNames { get; private init; } = [];
    public bool SeenAllNames { get; set; }
    public int SeenPrefix { get; set; }
    public bool SeenAllItems { get; set; }
    public List<Expr> SeenItems { get; private init; } = [];

    /// <summary>What was read on the way here, so that a schema which refers to itself ends.</summary>
    public HashSet<(int, bool)> Read { get; private init; } = [];

    public Box Clone() => new()
    {
        Types = Types,
        Numbers = [.. Numbers],
        NotNumbers = [.. NotNumbers],
        Strings = [.. Strings],
        WholeStrings = WholeStrings,
        MinLength = MinLength,
        MaxLength = MaxLength,
        Items = [.. Items],
        Prefix = [.. Prefix],
        Contains = [.. Contains],
        MinItems = MinItems,
        MaxItems = MaxItems,
        Unique = Unique,
        Properties = [.. Properties],
        Required = new(Required, StringComparer.Ordinal),
        Exists = [.. Exists],
        MinProperties = MinProperties,
        MaxProperties = MaxProperties,
        SeenNames = [.. SeenNames],
        SeenAllNames = SeenAllNames,
        SeenPrefix = SeenPrefix,
        SeenAllItems = SeenAllItems,
        SeenItems = [.. SeenItems],
        Read = [.. Read],
    };

    /// <summary>Both hold.</summary>
    public void Merge(Box other)
    {
        Types &= other.Types;
        Numbers.AddRange(other.Numbers);
        NotNumbers.AddRange(other.NotNumbers);
        Strings.AddRange(other.Strings);
        WholeStrings |= other.WholeStrings;
        Length(other.MinLength, other.MaxLength);
        Items.AddRange(other.Items);
        Prefix.AddRange(other.Prefix);
        Contains.AddRange(other.Contains);
        ItemCount(other.MinItems, other.MaxItems);
        Unique ??= other.Unique;
        Properties.AddRange(other.Properties);
        Required.UnionWith(other.Required);
        Exists.AddRange(other.Exists);
        PropertyCount(other.MinProperties, other.MaxProperties);
    }

    public void Length(int min, int max)
    {
        (MinLength, MaxLength) = (Math.Max(MinLength, min), Least(MaxLength, max));
        if (MaxLength >= 0 && MinLength > MaxLength)
            Types &= ~JsonTypes.String;
    }

    public void ItemCount(int min, int max)
    {
        (MinItems, MaxItems) = (Math.Max(MinItems, min), Least(MaxItems, max));
        if (MaxItems >= 0 && MinItems > MaxItems)
            Types &= ~JsonTypes.Array;
    }

    public void PropertyCount(int min, int max)
    {
        (MinProperties, MaxProperties) = (Math.Max(MinProperties, min), Least(MaxProperties, max));
        if (MaxProperties >= 0 && MinProperties > MaxProperties)
            Types &= ~JsonTypes.Object;
    }

    static int Least(int a, int b) => a < 0 ? b : b < 0 ? a : Math.Min(a, b);
}
