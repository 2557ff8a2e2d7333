using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>
/// Turns what is said of a value into the ways it can be valid: a union of boxes without alternatives.
/// <code>
/// 1. Take     pieces that leave one way; those that give alternatives wait
/// 2. Split    on one that waits, each alternative beside the box so far; a negation that holds already is passed over
/// 3. Keep     boxes that some value is in
/// </code>
/// </summary>
internal sealed class Expander(RegexTable table, TextEncoding encoding, Exprs exprs, SchemaReader reader)
{
    /// <summary>Ways for one value to be valid.</summary>
    const int MostBoxes = 1024;

    /// <summary>Steps for one value: combinations that are tried.</summary>
    const int MostSteps = 200_000;

    /// <summary>Alternatives of anyOf whose every combination is told apart for unevaluated ones.</summary>
    const int MostSubsets = 8;

    readonly Dictionary<string, Node> _nodes = new(StringComparer.Ordinal);
    int _steps;

    public SchemaReader Reader => reader;
    public RegexTable Table => table;
    public TextEncoding Encoding => encoding;
    public Exprs Exprs => exprs;

    /// <summary>The node of which all of these are said.</summary>
    public Node NodeOf(IEnumerable<Expr> said)
    {
        var all = said.Where(e => e != exprs.True).Distinct().OrderBy(e => e.Id).ToList();
        var key = string.Join(' ', all.Select(e => e.Id));
        if (!_nodes.TryGetValue(key, out var node))
            _nodes[key] = node = new Node(all);
        return node;
    }

    /// <summary>Nodes so far.</summary>
    public int NodeCount => _nodes.Count;

    /// <summary>The ways for a node to be valid; none where no value is, as far as that shows without looking at what it is in.</summary>
    public List<Box> Boxes(Node node)
    {
        if (node.Boxes is { } known)
            return known;
        CheckDepth();
        node.IsExpanding = true;
        var boxes = new List<Box>();
        if (_nodes.Count == 1)
            _steps = 0;
        Take(new Box(), new([.. node.Said.Reverse().Select(e => (e, false))]), [], boxes);
        node.IsExpanding = false;
        return node.Boxes = boxes;
    }

    /// <summary>Refuses what a chain of references nests deeper than the stack holds.</summary>
    public static void CheckDepth()
    {
        if (!System.Runtime.CompilerServices.RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new GrammarException("", "the schema is nested too deeply");
    }

    /// <summary>The strings that are valid, quotes included.</summary>
    public Regex Strings(Expr expr, string path)
    {
        var boxes = new List<Box>();
        Take(new Box { Types = JsonTypes.String }, new([(expr, false)]), [], boxes);
        return boxes.Count > MostBoxes ? throw new GrammarException(path, "too many alternatives")
            : table.Union([.. boxes.Select(StringLanguage)]);
    }

    /// <summary>The strings of a box, quotes included.</summary>
    public Regex StringLanguage(Box box)
    {
        var quote = encoding.Quote!;
        var isFree = box is { MinLength: 0, MaxLength: < 0 };
        if (box.WholeStrings && isFree)
            return table.Intersection([.. box.Strings]);
        var all = table.Concat(quote, table.Loop(encoding.Char, box.MinLength, box.MaxLength), quote);
        return box.Strings.Count == 0 ? all : table.Intersection([all, .. box.Strings]);
    }

    /// <summary>The numbers of a box.</summary>
    public Regex NumberLanguage(Box box)
    {
        if (box.Numbers.Count + box.NotNumbers.Count == 0)
            return reader.Numbers.Any;
        var excluded = box.NotNumbers.Select(table.Not);
        return table.Intersection([.. box.Numbers.Count == 0 ? [reader.Numbers.Plain] : box.Numbers, .. excluded]);
    }

    /// <summary>What an item must be.</summary>
    public Node ItemNode(Box box, int index, params IEnumerable<Expr> also) => NodeOf(
        [.. box.Prefix.Where(p => p.Index == index).Select(p => p.Value),
            .. box.Items.Where(i => index >= i.From).Select(i => i.Value), .. also]);

    /// <summary>What the value of a property must be.</summary>
    public Node PropertyNode(Box box, string name, params IEnumerable<Expr> also) =>
        NodeOf([.. box.Properties.Where(p => p.Exact is { } exact ? exact == name : Matches(p.Names, name)).Select(p => p.Value), .. also]);

    /// <summary>Whether a name is in a language of names.</summary>
    public bool Matches(Regex names, string name)
    {
        var left = names;
        foreach (var value in System.Text.Encoding.UTF8.GetBytes($"\"{TextEncoding.EscapeAll(name)}\""))
            left = table.Next(left, value);
        return left.Nullable;
    }

    // :: Step 1
    void Take(Box box, Stack<(Expr Expr, bool Sees)> pending, List<(Expr Expr, bool Sees)> waiting, List<Box> boxes)
    {
        CheckDepth();
        while (pending.TryPop(out var piece))
        {
            if (++_steps > MostSteps || boxes.Count > MostBoxes)
                throw new GrammarException(piece.Expr.Path,
                    "the schema has too many combinations of alternatives: use fewer of anyOf, oneOf and not beside each other");
            if (box.Types == JsonTypes.None)
                return;
            var (expr, sees) = piece;
            switch (expr)
            {
                case TrueExpr:
                    break;
                case PlaceExpr place:
                    if (box.Read.Add((place.Id, sees)))
                        pending.Push((place.Target, sees));
                    break;
                case AllExpr all:
                    foreach (var item in all.Items)
                        pending.Push((item, sees));
                    break;
                case AnyExpr or UnevaluatedExpr:
                    waiting.Add(piece);
                    break;
                case NotExpr { Inner: var inner }:
                    switch (inner)
                    {
                        case TrueExpr:
                            return;
                        case PlaceExpr place:
                            if (box.Read.Add((expr.Id, false)))
                                pending.Push((exprs.Not(place.Target), false));
                            break;
                        case AnyExpr any:
                            foreach (var item in any.Items)
                                pending.Push((exprs.Not(item), false));
                            break;
                        case AllExpr or UnevaluatedExpr:
                            waiting.Add((expr, false));
                            break;
                        default:
                            if (Exclude(box, inner) is { } alternatives)
                                waiting.Add((exprs.Any(alternatives, exclusive: true), false));
                            break;
                    }
                    break;
                default:
                    Require(box, expr, sees);
                    break;
            }
        }
        Split(box, waiting, boxes);
    }

    // :: Step 2
    void Split(Box box, List<(Expr Expr, bool Sees)> waiting, List<Box> boxes)
    {
        if (box.Types == JsonTypes.None)
            return;
        // What is asked for comes before what is excluded: most of that is excluded already then.
        while (waiting.Count > 0)
        {
            var at = waiting.FindIndex(w => w.Expr is not NotExpr);
            at = at < 0 ? 0 : at;
            var (expr, sees) = waiting[at];
            List<(Expr, bool)> rest = [.. waiting[..at], .. waiting[(at + 1)..]];
            switch (expr)
            {
                case AnyExpr any when sees && !any.Exclusive:
                    if (any.Items.Count > MostSubsets)
                        throw new GrammarException(any.Path,
                            $"unevaluated properties or items beside an anyOf of more than {MostSubsets} alternatives are not supported");
                    for (var subset = 1; subset < 1 << any.Items.Count; subset++)
                        Take(box.Clone(),
                            new(any.Items.Select((item, i) => (subset >> i & 1) != 0 ? (item, true) : (exprs.Not(item), false))), [.. rest],
                            boxes);
                    return;
                case AnyExpr any:
                    foreach (var item in any.Items)
                        Take(box.Clone(), new([(item, sees)]), [.. rest], boxes);
                    return;
                case UnevaluatedExpr unevaluated:
                    foreach (var inner in Seen(unevaluated.Rest))
                    {
                        var merged = box.Clone();
                        merged.Merge(inner);
                        var left = Unseen(inner, unevaluated);
                        if (sees)
                            See(merged, inner, unevaluated);
                        Take(merged, new([(left, false)]), [.. rest], boxes);
                    }
                    return;
                case NotExpr { Inner: UnevaluatedExpr unevaluated }:
                    Take(box.Clone(), new([(exprs.Not(unevaluated.Rest), false)]), [.. rest], boxes);
                    foreach (var inner in Seen(unevaluated.Rest))
                    {
                        var merged = box.Clone();
                        merged.Merge(inner);
                        Take(merged, new([(exprs.Not(Unseen(inner, unevaluated)), false)]), [.. rest], boxes);
                    }
                    return;
                case NotExpr { Inner: AllExpr all }:
                    if (!IsPossibleBeside(box, all))
                    {
                        waiting = rest;
                        continue;
                    }
                    foreach (var item in all.Items)
                        Take(box.Clone(), new([(exprs.Not(item), false)]), [.. rest], boxes);
                    return;
                default:
                    Take(box, new([(expr, sees)]), rest, boxes);
                    return;
            }
        }
        // :: Step 3
        if (IsPossible(box))
            boxes.Add(box);
    }

    bool IsPossibleBeside(Box box, Expr expr)
    {
        var boxes = new List<Box>();
        Take(box.Clone(), new([(expr, false)]), [], boxes);
        return boxes.Count > 0;
    }

    List<Box> Seen(Expr rest)
    {
        var boxes = new List<Box>();
        Take(new Box(), new([(rest, true)]), [], boxes);
        return boxes;
    }

    // What is said of properties or items that the box's keywords did not look at.
    Expr Unseen(Box box, UnevaluatedExpr unevaluated)
    {
        if (unevaluated.Items)
            return box.SeenAllItems ? exprs.True
                : exprs.Add(new ItemsExpr(box.SeenPrefix,
                    exprs.Any([unevaluated.Value, .. box.SeenItems], exclusive: true))
                { Annotates = false });
        return box.SeenAllNames ? exprs.True
            : exprs.Add(new PropertyExpr(table.Not(table.Union([.. box.SeenNames])), null, unevaluated.Value) { Annotates = false });
    }

    static void See(Box box, Box inner, UnevaluatedExpr unevaluated)
    {
        box.SeenAllNames |= inner.SeenAllNames || !unevaluated.Items;
        box.SeenAllItems |= inner.SeenAllItems || unevaluated.Items;
        box.SeenNames.AddRange(inner.SeenNames);
        box.SeenItems.AddRange(inner.SeenItems);
        box.SeenPrefix = Math.Max(box.SeenPrefix, inner.SeenPrefix);
    }

    static void Require(Box box, Expr expr, bool sees)
    {
        switch (expr)
        {
            case TypeExpr type:
                box.Types &= type.Types;
                if (type.Integer)
                    box.Numbers.Add(type.Language!);
                break;
            case ScalarExpr scalar:
                box.Types &= scalar.Types | (scalar.Numbers is null ? 0 : JsonTypes.Number)
                    | (scalar.Strings is null ? 0 : JsonTypes.String);
                if (scalar.Numbers is { } numbers)
                    box.Numbers.Add(numbers);
                if (scalar.Strings is { } strings)
                {
                    box.Strings.Add(strings);
                    box.WholeStrings = true;
                }
                break;
            case NumberExpr number:
                box.Numbers.Add(number.Language);
                break;
            case StringExpr text:
                box.Strings.Add(text.Language);
                break;
            case LengthExpr length:
                box.Length(length.Min, length.Max);
                break;
            case ItemsExpr items:
                box.Items.Add((items.From, items.Value));
                box.SeenAllItems |= sees && items.Annotates;
                break;
            case ItemExpr item:
                box.Prefix.Add((item.Index, item.Value));
                if (sees && item.Annotates)
                    box.SeenPrefix = Math.Max(box.SeenPrefix, item.Index + 1);
                break;
            case ContainsExpr contains:
                box.Contains.Add(contains);
                if (sees)
                    box.SeenItems.Add(contains.Value);
                break;
            case ItemCountExpr count:
                box.ItemCount(count.Min, count.Max);
                break;
            case UniqueExpr unique:
                box.Unique = unique;
                break;
            case PropertyExpr property:
                box.Properties.Add((property.Names, property.Exact, property.Value));
                if (sees && property.Annotates)
                    box.SeenNames.Add(property.Names);
                break;
            case RequiredExpr required:
                box.Required.Add(required.Name);
                break;
            case ExistsExpr exists:
                box.Exists.Add(exists);
                break;
            case PropertyCountExpr count:
                box.PropertyCount(count.Min, count.Max);
                break;
            default:
                throw new InvalidOperationException(expr.GetType().Name);
        }
    }

    // The opposite of one piece: what it leaves, or alternatives. Only values of its type can violate it.
    List<Expr>? Exclude(Box box, Expr expr)
    {
        switch (expr)
        {
            case TypeExpr type:
                box.Types &= ~type.Types | (type.Integer ? JsonTypes.Number : 0);
                if (type.Integer)
                    box.NotNumbers.Add(type.WideLanguage!);
                return null;
            case ScalarExpr scalar:
                box.Types &= ~scalar.Types;
                if (scalar.WideNumbers is { } numbers)
                    box.NotNumbers.Add(numbers);
                if (scalar.Strings is { } strings)
                    box.Strings.Add(table.Not(strings));
                return null;
            case NumberExpr number:
                box.Types &= JsonTypes.Number;
                box.NotNumbers.Add(number.Wide);
                return null;
            case StringExpr text:
                box.Types &= JsonTypes.String;
                box.Strings.Add(table.Not(text.Language));
                return null;
            case LengthExpr length:
                box.Types &= JsonTypes.String;
                if (length.Max < 0)
                    box.Length(0, length.Min - 1);
                else
                    box.Length(length.Max + 1, -1);
                if (length is { Min: 0, Max: < 0 })
                    box.Types = JsonTypes.None;
                return null;
            case ItemsExpr items:
                box.Types &= JsonTypes.Array;
                box.Contains.Add(new ContainsExpr(items.From, exprs.Not(items.Value), 1, -1));
                return null;
            case ItemExpr item:
                box.Types &= JsonTypes.Array;
                box.ItemCount(item.Index + 1, -1);
                box.Prefix.Add((item.Index, exprs.Not(item.Value)));
                return null;
            case ContainsExpr contains:
                box.Types &= JsonTypes.Array;
                var counts = new List<Expr>();
                if (contains.Min > 0)
                    counts.Add(exprs.Add(new ContainsExpr(contains.From, contains.Value, 0, contains.Min - 1)));
                if (contains.Max >= 0)
                    counts.Add(exprs.Add(new ContainsExpr(contains.From, contains.Value, contains.Max + 1, -1)));
                return counts;
            case ItemCountExpr count:
                box.Types &= JsonTypes.Array;
                return Outside(count.Min, count.Max, (min, max) => new ItemCountExpr(min, max));
            case PropertyCountExpr count:
                box.Types &= JsonTypes.Object;
                return Outside(count.Min, count.Max, (min, max) => new PropertyCountExpr(min, max));
            case UniqueExpr unique:
                throw new GrammarException(unique.Path, "uniqueItems cannot be negated");
            case PropertyExpr { Exact: { } name } property:
                box.Types &= JsonTypes.Object;
                box.Required.Add(name);
                box.Properties.Add((property.Names, name, exprs.Not(property.Value)));
                return null;
            case PropertyExpr property:
                box.Types &= JsonTypes.Object;
                box.Exists.Add(new ExistsExpr(property.Names, exprs.Not(property.Value)));
                return null;
            case RequiredExpr required:
                box.Types &= JsonTypes.Object;
                box.Properties.Add((reader.Name(required.Name), required.Name, exprs.False));
                return null;
            case ExistsExpr exists:
                box.Types &= JsonTypes.Object;
                box.Properties.Add((exists.Names, null, exprs.Not(exists.Value)));
                return null;
            default:
                throw new InvalidOperationException(expr.GetType().Name);
        }
    }

    List<Expr> Outside(int min, int max, Func<int, int, Expr> make)
    {
        var alternatives = new List<Expr>();
        if (min > 0)
            alternatives.Add(exprs.Add(make(0, min - 1)));
        if (max >= 0)
            alternatives.Add(exprs.Add(make(max + 1, -1)));
        return alternatives;
    }

    // Takes out types that no value of the box has, as far as that shows without following what is being expanded.
    bool IsPossible(Box box)
    {
        if (box.Types.HasFlag(JsonTypes.Number) && !table.Lives(NumberLanguage(box)))
            box.Types &= ~JsonTypes.Number;
        if (box.Types.HasFlag(JsonTypes.String) && !table.Lives(StringLanguage(box)))
            box.Types &= ~JsonTypes.String;
        if (box.Types.HasFlag(JsonTypes.Object) && box.Required.Any(name => IsEmpty(PropertyNode(box, name))))
            box.Types &= ~JsonTypes.Object;
        if (box.Types.HasFlag(JsonTypes.Array) && Enumerable.Range(0, Math.Min(box.MinItems, 16)).Any(i => IsEmpty(ItemNode(box, i))))
            box.Types &= ~JsonTypes.Array;
        return box.Types != JsonTypes.None;
    }

    bool IsEmpty(Node node) => !node.IsExpanding && Boxes(node).Count == 0;
}
