using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>
/// Reads an array: how many items there were, how many of them are of the kinds that <c>contains</c> counts, which values were used.
/// </summary>
internal sealed class ArrayPlan
{
    const int MostCounted = 512, MostContains = 4, MostValues = 64;

    readonly ValueRules _rules;
    readonly Box _box;
    readonly Dictionary<Place, State> _states = [];
    readonly Dictionary<Place, bool> _finishes = [];
    readonly Dictionary<(int, int), (Node Node, int Counted)[]> _variants = [];
    readonly Dictionary<int, IReadOnlyList<Regex>> _values = [];
    readonly Dictionary<int, Regex> _scalars = [];
    readonly int _settled; // from this index on all items are alike
    readonly List<Regex>? _all; // the values that items can have, where they must differ and are few
    readonly bool _remembers; // they must differ and are many: what came is remembered

    /// <param name="Index">Items so far, as far as that matters.</param>
    /// <param name="Counts">How many were counted, a byte and a half for each kind.</param>
    /// <param name="Used">Which values were used.</param>
    /// <param name="First">Whether nothing was read yet.</param>
    /// <param name="Texts">Which texts were used, where values are many.</param>
    readonly record struct Place(int Index, long Counts, ulong Used, bool First, UsedTexts Texts);

    public ArrayPlan(ValueRules rules, Box box)
    {
        (_rules, _box) = (rules, box);
        _settled = Math.Max(
            Math.Max(box.Prefix.Select(p => p.Index + 1).DefaultIfEmpty().Max(), box.Items.Select(i => i.From).DefaultIfEmpty().Max()),
            box.Contains.Select(c => c.From).DefaultIfEmpty().Max());
        if (box.Contains.Count > MostContains || box.Contains.Exists(c => c.Min > MostCounted || c.Max > MostCounted))
            throw new GrammarException(box.Contains[0].Path,
                $"more than {MostContains} contains beside each other, or counts above {MostCounted}, are not supported");
        if (box.Unique is { } unique && box.MaxItems is < 0 or > 1)
        {
            if (box.Contains.Count > 0)
                throw new GrammarException(unique.Path, "uniqueItems beside contains is not supported");
            _all = [];
            for (var index = 0; index <= _settled && !_remembers; index++)
                if (Values(index) is { } few)
                    _values[index] = few;
                else
                    _remembers = true;
            if (_remembers)
            {
                _all = null;
                for (var index = 0; index <= _settled; index++)
                    if (Scalars(index) is null)
                        throw new GrammarException(unique.Path,
                            "items can be kept different only where they are strings, numbers, booleans or null: give their type, leave it out, or set maxItems to 1");
                if (box.MinItems > MostValues || (_settled > 0 && box.MinItems > 0))
                    throw new GrammarException(unique.Path,
                        $"uniqueItems beside minItems above {MostValues}, or beside prefixItems and minItems, is not supported");
            }
        }
    }

    /// <summary>After the opening bracket.</summary>
    public State Start => StateAt(new Place(0, 0, 0, First: true, _rules.NoTexts));

    /// <summary>Whether any array is valid.</summary>
    public bool IsInhabited
    {
        get
        {
            // While it is asked of what this is in, an answer is not for good.
            _finishes.Clear();
            var result = Finishes(new Place(0, 0, 0, First: true, _rules.NoTexts));
            _finishes.Clear();
            return result;
        }
    }

    /// <summary>All that its items can be.</summary>
    public IEnumerable<Node> Nodes => _all is not null ? []
        : Enumerable.Range(0, 1 + (_box.MaxItems < 0 ? _settled : Math.Min(_settled, _box.MaxItems)))
        .SelectMany(i => Variants(i, 0)).Select(v => v.Node);

    State StateAt(Place place)
    {
        if (!_states.TryGetValue(place, out var state))
            _states[place] = state = new LazyState(false, () => Expand(place));
        return state;
    }

    List<Edge> Expand(Place place)
    {
        var items = new List<Edge>();
        foreach (var (node, text, next) in Steps(place))
            if (Finishes(next))
                items.Add(text is null ? Edge.Of(_rules.Of(node!), StateAt(next)) : _remembers ? Remember(text, next)
                    : Edge.Of(text, StateAt(next)));
        return _rules.Following(place.First, CanClose(place) ? "]" : null, items);
    }

    // What came cannot come again, which only the text says.
    Edge Remember(Regex values, Place next)
    {
        var left = next.Texts.Count == 0 ? values
            : _rules.Expander.Table.Intersection(values, _rules.Expander.Table.Not(next.Texts.Language));
        return Edge.Of(left, new RememberingState(StateAt(next), text => StateAt(next with { Texts = next.Texts.With(text) })));
    }

    bool CanClose(Place place)
    {
        if (place.Index < _box.MinItems)
            return false;
        for (var i = 0; i < _box.Contains.Count; i++)
            if (Count(place.Counts, i) < _box.Contains[i].Min)
                return false;
        return true;
    }

    // Whether the array can be ended from here on. Places are finitely many: counts stop where they no longer matter.
    bool Finishes(Place place)
    {
        place = place with { Texts = _rules.NoTexts };
        if (CanClose(place))
            return true;
        if (_finishes.TryGetValue(place, out var known))
            return known;
        if (_box.MinItems > 100_000)
            throw new GrammarException("minItems", $"{_box.MinItems} items are more than 100000");
        // Items that are alike and need no counting: nothing to search.
        if (_all is null && !_remembers && _box.Contains.Count == 0 && place.Index >= _settled)
            return _rules.IsInhabited(_rules.Expander.ItemNode(_box, _settled));
        Expander.CheckDepth();
        _finishes[place] = false;
        foreach (var (_, _, next) in Steps(place))
            if (Finishes(next))
                return _finishes[place] = true;
        return false;
    }

    IEnumerable<(Node? Node, Regex? Text, Place Next)> Steps(Place place)
    {
        if (_box.MaxItems >= 0 && place.Index >= _box.MaxItems)
            yield break;
        var kind = Math.Min(place.Index, _settled);
        var limit = _box.MaxItems >= 0 ? int.MaxValue : Math.Max(_settled, _box.MinItems);
        var index = Math.Min(place.Index + 1, limit);
        if (_all is not null)
        {
            foreach (var value in _values[kind])
            {
                var number = NumberOf(value);
                if ((place.Used >> number & 1) == 0)
                    yield return (null, value, new Place(index, 0, place.Used | 1UL << number, First: false, _rules.NoTexts));
            }
            yield break;
        }
        if (_remembers)
        {
            if (_rules.Expander.Table.Lives(Scalars(kind)!))
                yield return (null, Scalars(kind), new Place(index, 0, 0, First: false, place.Texts));
            yield break;
        }
        foreach (var (node, counted) in Variants(kind, place.Counts))
        {
            var counts = place.Counts;
            var fits = true;
            for (var i = 0; i < _box.Contains.Count; i++)
                if ((counted >> i & 1) != 0)
                {
                    var contains = _box.Contains[i];
                    var count = Count(counts, i) + 1;
                    fits &= contains.Max < 0 || count <= contains.Max;
                    counts = With(counts, i, contains.Max < 0 ? Math.Min(count, contains.Min) : count);
                }
            if (fits && _rules.IsInhabited(node))
                yield return (node, null, new Place(index, counts, 0, First: false, place.Texts));
        }
    }

    // An item is of some of the counted kinds. Where only a least count matters nothing need be said of the others.
    (Node Node, int Counted)[] Variants(int index, long counts)
    {
        var open = 0;
        for (var i = 0; i < _box.Contains.Count; i++)
            if (_box.Contains[i] is var contains && index >= contains.From && (contains.Max >= 0 || Count(counts, i) < contains.Min))
                open |= 1 << i;
        if (_variants.TryGetValue((index, open), out var known))
            return known;
        var variants = new List<(Node, int)>();
        for (var counted = 0; counted < 1 << _box.Contains.Count; counted++)
        {
            if ((counted & ~open) != 0)
                continue;
            var also = new List<Expr>();
            for (var i = 0; i < _box.Contains.Count; i++)
                if ((counted >> i & 1) != 0)
                    also.Add(_box.Contains[i].Value);
                else if ((open >> i & 1) != 0 && _box.Contains[i].Max >= 0)
                    also.Add(_rules.Expander.Exprs.Not(_box.Contains[i].Value));
            variants.Add((_rules.Expander.ItemNode(_box, index, also), counted));
        }
        return _variants[(index, open)] = [.. variants];
    }

    static int Count(long counts, int kind) => (int)(counts >> 12 * kind & 0xFFF);

    static long With(long counts, int kind, int count) => counts & ~(0xFFFL << 12 * kind) | (long)count << 12 * kind;

    int NumberOf(Regex value)
    {
        var number = _all!.IndexOf(value);
        if (number < 0)
        {
            number = _all.Count;
            _all.Add(value);
        }
        return number;
    }

    // All texts of an item, each value in one way; null where it can be an array or an object.
    Regex? Scalars(int index)
    {
        if (_scalars.TryGetValue(index, out var known))
            return known;
        var (table, texts) = (_rules.Expander.Table, new List<Regex>());
        foreach (var box in _rules.Expander.Boxes(_rules.Expander.ItemNode(_box, index)))
        {
            if ((box.Types & (JsonTypes.Array | JsonTypes.Object)) != 0)
                return null;
            foreach (var (type, text) in (ReadOnlySpan<(JsonTypes, string)>)[(JsonTypes.Null, "null"), (JsonTypes.False, "false"),
                (JsonTypes.True, "true")])
                if (box.Types.HasFlag(type))
                    texts.Add(table.Literal(text));
            if (box.Types.HasFlag(JsonTypes.Number))
                texts.Add(table.Intersection(_rules.Expander.NumberLanguage(box), _rules.Expander.Reader.Numbers.Shortest));
            if (box.Types.HasFlag(JsonTypes.String))
                texts.Add(_rules.Expander.StringLanguage(box));
        }
        return _scalars[index] = table.Union([.. texts]);
    }

    // The texts of an item, where they are few.
    List<Regex>? Values(int index)
    {
        const int most = MostValues;
        var (table, texts) = (_rules.Expander.Table, new HashSet<string>(StringComparer.Ordinal));
        foreach (var box in _rules.Expander.Boxes(_rules.Expander.ItemNode(_box, index)))
        {
            if ((box.Types & (JsonTypes.Array | JsonTypes.Object)) != 0)
                return null;
            foreach (var (type, language) in (ReadOnlySpan<(JsonTypes, Regex)>)
                [(JsonTypes.Null, table.Literal("null")), (JsonTypes.False, table.Literal("false")),
                    (JsonTypes.True, table.Literal("true"))])
                if (box.Types.HasFlag(type) && !UsedTexts.Collect(table, language, texts, most))
                    return null;
            if (box.Types.HasFlag(JsonTypes.Number) && !UsedTexts.Collect(table, _rules.Expander.NumberLanguage(box), texts, most))
                return null;
            if (box.Types.HasFlag(JsonTypes.String) && !UsedTexts.Collect(table, _rules.Expander.StringLanguage(box), texts, most))
                return null;
        }
        List<Regex> values = [.. texts.Select(text => table.Literal(text))];
        foreach (var value in values)
            if (NumberOf(value) >= most)
                return null;
        return values;
    }
}
