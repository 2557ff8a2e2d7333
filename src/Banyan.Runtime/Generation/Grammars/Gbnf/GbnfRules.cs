using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Gbnf;

/// <summary>Checks the rules of a grammar, and makes places of them.</summary>
internal sealed class GbnfRules
{
    readonly IReadOnlyDictionary<string, GbnfPart> _parts;
    readonly Dictionary<string, Rule> _rules = new(StringComparer.Ordinal);
    readonly RegexTable _table;

    GbnfRules(RegexTable table, IReadOnlyDictionary<string, GbnfPart> parts) => (_table, _parts) = (table, parts);

    /// <summary>The rule where a text begins.</summary>
    /// <exception cref="GrammarException">There is none, a rule is missing, never ends, or calls itself before it reads
    /// anything.</exception>
    public static Rule Root(RegexTable table, IReadOnlyDictionary<string, GbnfPart> parts, string root = "root")
    {
        var rules = new GbnfRules(table, parts);
        if (!parts.ContainsKey(root))
            throw new GrammarException("", $"the grammar has no rule '{root}'");
        foreach (var part in parts.Values)
            rules.CheckReferences(part);
        rules.CheckEnds();
        rules.CheckLeft();
        return rules.RuleOf(root);
    }

    Rule RuleOf(string name)
    {
        if (!_rules.TryGetValue(name, out var rule))
            _rules[name] = rule = new LazyRule(() => Before(_parts[name], FixedState.End));
        return rule;
    }

    // The place before a part that leads to another one.
    State Before(GbnfPart part, State to) => part switch
    {
        GbnfText { Text: var text } => text == _table.Empty ? to : new FixedState(false, Edge.Of(text, to)),
        GbnfReference reference => new FixedState(false, Edge.Of(RuleOf(reference.Name), to)),
        GbnfSequence { Parts: var parts } => parts.Reverse().Aggregate(to, (after, item) => Before(item, after)),
        GbnfChoice { Parts: var parts } => new FixedState(false, [.. parts.Select(item => Edge.Nothing(Before(item, to)))]),
        GbnfRepetition repetition => Repeat(repetition, 0, to),
        _ => throw new InvalidOperationException(),
    };

    State Repeat(GbnfRepetition repetition, int done, State to)
    {
        var (part, min, max) = repetition;
        if (max >= 0 && done >= max)
            return to;
        State? self = null;
        self = new LazyState(false, () =>
        {
            var again = max < 0 && done >= min ? self! : Repeat(repetition, done + 1, to);
            var edges = new List<Edge> { Edge.Nothing(Before(part, again)) };
            if (done >= min)
                edges.Add(Edge.Nothing(to));
            return edges;
        });
        return self;
    }

    void CheckReferences(GbnfPart part)
    {
        foreach (var reference in References(part))
            if (!_parts.ContainsKey(reference.Name))
                throw new GrammarException($"line {reference.Line}", $"there is no rule '{reference.Name}'");
    }

    static IEnumerable<GbnfReference> References(GbnfPart part) => part switch
    {
        GbnfReference reference => [reference],
        GbnfSequence { Parts: var parts } => parts.SelectMany(References),
        GbnfChoice { Parts: var parts } => parts.SelectMany(References),
        GbnfRepetition { Part: var inner } => References(inner),
        _ => [],
    };

    // Every rule must have a finite text: where it has none, whoever enters it could never leave.
    void CheckEnds()
    {
        var ends = Grow((part, known) => Ends(part, known));
        if (_parts.Keys.FirstOrDefault(name => !ends.Contains(name)) is { } endless)
            throw new GrammarException($"rule '{endless}'",
                "no text satisfies it: it calls itself without end, or holds a class of no characters");

        bool Ends(GbnfPart part, HashSet<string> known) => part switch
        {
            GbnfText { Text: var text } => text != _table.Nothing,
            GbnfReference { Name: var name } => known.Contains(name),
            GbnfSequence { Parts: var parts } => parts.All(p => Ends(p, known)),
            GbnfChoice { Parts: var parts } => parts.Any(p => Ends(p, known)),
            GbnfRepetition { Part: var inner, Min: var min } => min == 0 || Ends(inner, known),
            _ => false,
        };
    }

    void CheckLeft()
    {
        var nullable = Grow(IsNullable);
        var state = new Dictionary<string, bool>(StringComparer.Ordinal); // false: being followed
        foreach (var name in _parts.Keys)
            Follow(name);

        void Follow(string name)
        {
            if (!System.Runtime.CompilerServices.RuntimeHelpers.TryEnsureSufficientExecutionStack())
                throw new GrammarException("", "the rules call each other too deeply");
            if (state.TryGetValue(name, out var done))
            {
                if (!done)
                    throw new GrammarException($"rule '{name}'",
                        "it calls itself before it reads anything (left recursion): write it with a repetition");
                return;
            }
            state[name] = false;
            foreach (var first in Firsts(_parts[name]))
                Follow(first);
            state[name] = true;
        }

        IEnumerable<string> Firsts(GbnfPart part) => part switch
        {
            GbnfReference { Name: var name } => [name],
            GbnfSequence { Parts: var parts } => parts.Take(1 + parts.TakeWhile(p => IsNullable(p, nullable)).Count()).SelectMany(Firsts),
            GbnfChoice { Parts: var parts } => parts.SelectMany(Firsts),
            GbnfRepetition { Part: var inner } => Firsts(inner),
            _ => [],
        };
    }

    static bool IsNullable(GbnfPart part, HashSet<string> known) => part switch
    {
        GbnfText { Text.Nullable: var nullable } => nullable,
        GbnfReference { Name: var name } => known.Contains(name),
        GbnfSequence { Parts: var parts } => parts.All(p => IsNullable(p, known)),
        GbnfChoice { Parts: var parts } => parts.Any(p => IsNullable(p, known)),
        GbnfRepetition { Part: var inner, Min: var min } => min == 0 || IsNullable(inner, known),
        _ => false,
    };

    // The rules for which something holds, found from those for which it holds without others.
    HashSet<string> Grow(Func<GbnfPart, HashSet<string>, bool> holds)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        bool grew;
        do
        {
            grew = false;
            foreach (var (name, part) in _parts)
                if (!known.Contains(name) && holds(part, known))
                    grew = known.Add(name);
        }
        while (grew);
        return known;
    }
}
