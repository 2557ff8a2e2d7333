using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>
/// Reads an object: properties that the schema names come in its order, others anywhere between them. Names that no keyword tells apart are
/// one class.
/// </summary>
internal sealed class ObjectPlan
{
    const int MostCounted = 1024, MostExists = 4, MostClasses = 64;

    readonly ValueRules _rules;
    readonly Box _box;
    readonly List<Named> _named = [];
    readonly List<Class> _classes = [];
    readonly Dictionary<Place, State> _states = [];
    readonly Dictionary<Place, bool> _finishes = [];
    readonly int _counted; // properties are counted up to here
    bool _isMade;

    sealed record Named(Regex Name, bool IsRequired, IReadOnlyList<(Node Node, int Shows)> Variants);

    sealed record Class(Regex Names, IReadOnlyList<(Node Node, int Shows)> Variants);

    /// <param name="Index">Named properties before this one cannot come any more.</param>
    /// <param name="Count">Properties so far, as far as that matters.</param>
    /// <param name="Shown">Which of what must exist was there.</param>
    /// <param name="First">Whether nothing was read yet.</param>
    /// <param name="Used">Names of no keyword that were there: none comes twice.</param>
    readonly record struct Place(int Index, int Count, int Shown, bool First, UsedTexts Used);

    public ObjectPlan(ValueRules rules, Box box)
    {
        (_rules, _box) = (rules, box);
        _counted = box.MaxProperties >= 0 ? box.MaxProperties : box.MinProperties;
        if (box.MinProperties > MostCounted || box.Exists.Count > MostExists)
            throw new GrammarException("", box.Exists.Count > MostExists ? "too many negated properties beside each other"
                : $"minProperties above {MostCounted} is not supported");
    }

    /// <summary>After the opening brace.</summary>
    public State Start => StateAt(new Place(0, 0, 0, First: true, _rules.NoTexts));

    /// <summary>Whether any object is valid.</summary>
    public bool IsInhabited
    {
        get
        {
            Make();
            // While it is asked of what this is in, an answer is not for good.
            _finishes.Clear();
            var result = Finishes(new Place(0, 0, 0, First: true, _rules.NoTexts));
            _finishes.Clear();
            return result;
        }
    }

    /// <summary>All that its properties can be.</summary>
    public IEnumerable<Node> Nodes
    {
        get
        {
            Make();
            return _named.SelectMany(n => n.Variants).Concat(_classes.SelectMany(c => c.Variants)).Select(v => v.Node);
        }
    }

    void Make()
    {
        if (_isMade)
            return;
        _isMade = true;
        var (expander, table) = (_rules.Expander, _rules.Expander.Table);
        var names = _box.Required.Union(_box.Properties.Select(p => p.Exact).OfType<string>()).OrderBy(expander.Reader.RankOf).ToList();
        foreach (var name in names)
        {
            var shows = Enumerable.Range(0, _box.Exists.Count).Where(i => expander.Matches(_box.Exists[i].Names, name)).ToList();
            _named.Add(new Named(Before(expander.Reader.Name(name)), _box.Required.Contains(name),
                Variants(shows, also => expander.PropertyNode(_box, name, also))));
        }

        // Other names, by which of the languages they are in.
        var any = table.Concat(expander.Encoding.Quote!, table.Star(expander.Encoding.Char), expander.Encoding.Quote!);
        List<(Regex Names, List<Expr> Values, List<int> Shows)> classes =
            [(names.Count == 0 ? any : table.Intersection(any, table.Not(table.Union([.. names.Select(expander.Reader.Name)]))), [], [])];
        foreach (var group in _box.Properties.Where(p => p.Exact is null).GroupBy(p => p.Names))
            Tell(group.Key, c => c.Values.AddRange(group.Select(p => p.Value)));
        for (var i = 0; i < _box.Exists.Count; i++)
            Tell(_box.Exists[i].Names, c => c.Shows.Add(i));
        foreach (var (language, values, shows) in classes)
            _classes.Add(new Class(language, Variants(shows, also => expander.NodeOf([.. values, .. also]))));

        if (_box.MinProperties > 1 && _classes.Count > 0
            && _classes.Sum(c => (long)Math.Min(_box.MinProperties, CountOf(c.Names))) < _box.MinProperties)
            throw new GrammarException("",
                "minProperties beside so few names that properties can have is not supported: list the properties");

        int CountOf(Regex language)
        {
            var texts = new HashSet<string>(StringComparer.Ordinal);
            return UsedTexts.Collect(table, language, texts, _box.MinProperties) ? texts.Count : int.MaxValue;
        }

        Regex Before(Regex name) => table.Concat(name, table.Literal(":"), _rules.AfterColon);

        void Tell(Regex language, Action<(Regex Names, List<Expr> Values, List<int> Shows)> inside)
        {
            var told = new List<(Regex, List<Expr>, List<int>)>();
            foreach (var (all, values, shows) in classes)
            {
                var (isIn, isOut) = (table.Intersection(all, language), table.Intersection(all, table.Not(language)));
                if (table.Lives(isIn))
                {
                    var part = (isIn, new List<Expr>(values), new List<int>(shows));
                    inside(part);
                    told.Add(part);
                }
                if (table.Lives(isOut))
                    told.Add((isOut, values, shows));
            }
            classes = told.Count <= MostClasses ? told
                : throw new GrammarException("",
                    $"the patterns of properties tell more than {MostClasses} kinds of names apart: use fewer");
        }
    }

    // A value that shows what must exist is one of another kind.
    static List<(Node, int)> Variants(List<int> shows, Func<IEnumerable<Expr>, Node> node, IReadOnlyList<ExistsExpr> exists)
    {
        var variants = new List<(Node, int)>();
        for (var subset = 0; subset < 1 << shows.Count; subset++)
        {
            var chosen = shows.Where((_, i) => (subset >> i & 1) != 0).ToList();
            variants.Add((node(chosen.Select(i => exists[i].Value)), chosen.Sum(i => 1 << i)));
        }
        return variants;
    }

    List<(Node, int)> Variants(List<int> shows, Func<IEnumerable<Expr>, Node> node) => Variants(shows, node, _box.Exists);

    State StateAt(Place place)
    {
        if (!_states.TryGetValue(place, out var state))
            _states[place] = state = new LazyState(false, () => Expand(place));
        return state;
    }

    List<Edge> Expand(Place place)
    {
        var properties = new List<Edge>();
        foreach (var group in Steps(place).Where(s => Finishes(s.Next)).GroupBy(s => s.Name))
            properties.Add(group.First().IsClass ? Other(group.Key, [.. group.Select(s => (s.Node, s.Next))])
                : Edge.Of(group.Key, Values(group.Select(s => (s.Node, s.Next)))));
        return _rules.Following(place.First, CanClose(place) ? "}" : null, properties);
    }

    State Values(IEnumerable<(Node Node, Place Next)> values) =>
        new FixedState(false, [.. values.Select(v => Edge.Of(_rules.Of(v.Node), StateAt(v.Next)))]);

    // A name that is used cannot come again, which only the text says.
    Edge Other(Regex names, IReadOnlyList<(Node Node, Place Next)> values)
    {
        var table = _rules.Expander.Table;
        var used = values[0].Next.Used;
        var left = used.Count == 0 ? names : table.Intersection(names, table.Not(used.Language));
        return Edge.Of(left,
            new RememberingState(Rest(values), text => Rest([.. values.Select(v => (v.Node, v.Next with { Used = used.With(text) }))])));

        State Rest(IReadOnlyList<(Node Node, Place Next)> values) => new FixedState(false,
            Edge.Of(table.Concat(table.Literal(":"), _rules.AfterColon), Values(values)));
    }

    bool CanClose(Place place) =>
        place.Count >= _box.MinProperties && place.Shown == (1 << _box.Exists.Count) - 1 && NextRequired(place.Index) == _named.Count;

    int NextRequired(int index)
    {
        while (index < _named.Count && !_named[index].IsRequired)
            index++;
        return index;
    }

    // Which names were used makes no difference: where more of them are needed than there can be, the schema was refused.
    bool Finishes(Place place)
    {
        place = place with { Used = _rules.NoTexts };
        if (CanClose(place))
            return true;
        if (_finishes.TryGetValue(place, out var known))
            return known;
        Expander.CheckDepth();
        _finishes[place] = false;
        // What is needed comes first: it is the way that ends soonest.
        foreach (var step in Steps(place))
            if (Finishes(step.Next))
                return _finishes[place] = true;
        return false;
    }

    IEnumerable<(Regex Name, Node Node, Place Next, bool IsClass)> Steps(Place place)
    {
        if (_box.MaxProperties >= 0 && place.Count >= _box.MaxProperties)
            yield break;
        var count = Math.Min(place.Count + 1, _counted);
        for (var index = Math.Min(NextRequired(place.Index), _named.Count - 1); index >= place.Index; index--)
            foreach (var (node, shows) in _named[index].Variants)
                if (_rules.IsInhabited(node))
                    yield return (_named[index].Name, node,
                        new Place(index + 1, count, place.Shown | shows, First: false, place.Used), false);
        foreach (var (names, variants) in _classes)
            foreach (var (node, shows) in variants)
                if (_rules.IsInhabited(node))
                    yield return (names, node, new Place(place.Index, count, place.Shown | shows, First: false, place.Used), true);
    }
}
