using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>Makes the rules that read values: of each node one, when it is reached.</summary>
internal sealed class ValueRules
{
    const int MostNodes = 20_000;

    readonly HashSet<Node> _asking = [];
    bool _assumed;

    public ValueRules(Expander expander, bool whitespace)
    {
        Expander = expander;
        NoTexts = UsedTexts.None(expander.Table);
        var table = expander.Table;
        // Never without end: a model that only writes spaces is a known fault.
        Regex Repeated(string c, int most) => table.Loop(table.Literal(c), 0, most);
        Space = !whitespace ? table.Empty
            : table.Union(table.Empty, table.Literal(" "),
                table.Concat(table.Literal("\n"), table.Union(Repeated(" ", 32), Repeated("\t", 16))));
        AfterColon = !whitespace ? table.Empty : table.Optional(table.Literal(" "));
    }

    public Expander Expander { get; }

    /// <summary>Nothing was used yet.</summary>
    public UsedTexts NoTexts { get; }

    /// <summary>Between values.</summary>
    public Regex Space { get; }

    /// <summary>After a property's name.</summary>
    public Regex AfterColon { get; }

    /// <summary>What can follow in an array or object: its end, if it may be closed here, and the next item or property.</summary>
    /// <param name="isFirst">Whether nothing stands in it yet.</param>
    /// <param name="close">The bracket that closes it; null where it may not be closed.</param>
    /// <param name="parts">The next items or properties.</param>
    public List<Edge> Following(bool isFirst, string? close, List<Edge> parts)
    {
        var table = Expander.Table;
        var edges = new List<Edge>();
        if (close is not null)
            edges.Add(Edge.Of(isFirst ? table.Literal(close) : table.Concat(Space, table.Literal(close)), FixedState.End));
        if (isFirst)
            edges.AddRange(parts);
        else if (parts.Count > 0)
            edges.Add(Edge.Of(table.Concat(table.Literal(","), Space), new FixedState(false, parts)));
        return edges;
    }

    /// <summary>Reads a value.</summary>
    public Rule Of(Node node) => node.Rule ??= new LazyRule(() => Begin(node));

    /// <summary>Whether any value is valid: one of finite size, as all JSON is.</summary>
    public bool IsInhabited(Node node)
    {
        if (node.IsInhabited is { } known)
            return known;
        // A smallest valid value never holds one that is asked of the same node: on the way there it counts as none.
        if (!_asking.Add(node))
        {
            _assumed = true;
            return false;
        }
        Expander.CheckDepth();
        if (Expander.NodeCount > MostNodes)
            throw new GrammarException("", "the schema is too large: it has too many combinations");
        var outermost = _asking.Count == 1;
        if (outermost)
            _assumed = false;
        var result = Expander.Boxes(node).Any(IsInhabited);
        _asking.Remove(node);
        if (result || !_assumed || outermost)
            node.IsInhabited = result;
        return result;
    }

    /// <summary>Looks at all that a value can hold, so that what cannot be enforced is refused now.</summary>
    public void Visit(Node root)
    {
        var seen = new HashSet<Node> { root };
        var waiting = new Stack<Node>(seen);
        while (waiting.TryPop(out var node))
        {
            if (!IsInhabited(node))
                continue; // nothing leads there
            foreach (var box in Expander.Boxes(node))
            {
                IEnumerable<Node> inner = box.Types.HasFlag(JsonTypes.Array) ? ArrayOf(box).Nodes : [];
                if (box.Types.HasFlag(JsonTypes.Object))
                    inner = inner.Concat(ObjectOf(box).Nodes);
                foreach (var next in inner)
                    if (seen.Add(next))
                        waiting.Push(next);
            }
        }
    }

    bool IsInhabited(Box box) => (box.Types & ~(JsonTypes.Array | JsonTypes.Object)) != 0
        || (box.Types.HasFlag(JsonTypes.Array) && ArrayOf(box).IsInhabited)
        || (box.Types.HasFlag(JsonTypes.Object) && ObjectOf(box).IsInhabited);

    ArrayPlan ArrayOf(Box box) => box.ArrayPlan ??= new ArrayPlan(this, box);

    ObjectPlan ObjectOf(Box box) => box.ObjectPlan ??= new ObjectPlan(this, box);

    State Begin(Node node)
    {
        var table = Expander.Table;
        var scalars = new List<Regex>();
        var edges = new List<Edge>();
        foreach (var box in Expander.Boxes(node))
        {
            foreach (var (type, text) in (ReadOnlySpan<(JsonTypes, string)>)[(JsonTypes.Null, "null"), (JsonTypes.False, "false"),
                (JsonTypes.True, "true")])
                if (box.Types.HasFlag(type))
                    scalars.Add(table.Literal(text));
            if (box.Types.HasFlag(JsonTypes.Number))
                scalars.Add(Expander.NumberLanguage(box));
            if (box.Types.HasFlag(JsonTypes.String))
                scalars.Add(Expander.StringLanguage(box));
            if (box.Types.HasFlag(JsonTypes.Array) && ArrayOf(box) is { IsInhabited: true } array)
                edges.Add(Edge.Of(table.Concat(table.Literal("["), Space), array.Start));
            if (box.Types.HasFlag(JsonTypes.Object) && ObjectOf(box) is { IsInhabited: true } @object)
                edges.Add(Edge.Of(table.Concat(table.Literal("{"), Space), @object.Start));
        }
        if (table.Union([.. scalars]) is var scalar && scalar != table.Nothing)
            edges.Insert(0, Edge.Of(scalar, FixedState.End));
        return new FixedState(false, edges);
    }
}
