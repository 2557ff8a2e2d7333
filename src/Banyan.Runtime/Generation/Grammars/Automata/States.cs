using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Automata;

/// <summary>A state in a rule of a grammar: what can come next. A grammar consists of such states, created when they are reached; JSON
/// Schema, GBNF, patterns and formats of tool calls are all compiled to them.</summary>
internal abstract class State
{
    IReadOnlyList<Edge>? _edges;

    /// <summary>What can come next.</summary>
    public IReadOnlyList<Edge> Edges => _edges ??= Expand();

    /// <summary>Whether the rule can end here.</summary>
    public abstract bool IsFinal { get; }

    protected abstract IReadOnlyList<Edge> Expand();
}

/// <summary>From one place to the next: by bytes that an expression matches, by a whole other rule, or by nothing.</summary>
/// <param name="Text">The bytes; null if a rule is called or nothing is read.</param>
/// <param name="Rule">The rule; null if bytes or nothing is read.</param>
/// <param name="To">The place after it.</param>
internal readonly record struct Edge(Regex? Text, Rule? Rule, State To)
{
    public static Edge Of(Regex text, State to) => new(text, null, to);

    public static Edge Of(Rule rule, State to) => new(null, rule, to);

    public static Edge Nothing(State to) => new(null, null, to);
}

/// <summary>Something a grammar can be made of: where it begins is a place from which final ones are reached.</summary>
internal abstract class Rule
{
    State? _start;

    public State Start => _start ??= Begin();

    protected abstract State Begin();
}

/// <summary>A place whose edges are given.</summary>
internal sealed class FixedState(bool isFinal, params IReadOnlyList<Edge> edges) : State
{
    /// <summary>The end of a rule.</summary>
    public static State End { get; } = new FixedState(true);

    public override bool IsFinal => isFinal;

    protected override IReadOnlyList<Edge> Expand() => edges;
}

/// <summary>A place whose edges are made when it is reached.</summary>
internal sealed class LazyState(bool isFinal, Func<IReadOnlyList<Edge>> edges) : State
{
    public override bool IsFinal => isFinal;

    protected override IReadOnlyList<Edge> Expand() => edges();
}

/// <summary>A state after something that must not occur again: the next state depends on what that was.</summary>
/// <param name="plain">Where it goes on if nothing is remembered.</param>
/// <param name="after">Where it goes on after that text: a string with its quotes, a number.</param>
internal sealed class RememberingState(State plain, Func<string, State> after) : State
{
    public override bool IsFinal => false;

    public State After(string text) => after(text);

    protected override IReadOnlyList<Edge> Expand() => [Edge.Nothing(plain)];
}

/// <summary>A rule that begins at a given place.</summary>
internal sealed class FixedRule(State start) : Rule
{
    protected override State Begin() => start;
}

/// <summary>A rule whose beginning is made when it is reached.</summary>
internal sealed class LazyRule(Func<State> start) : Rule
{
    protected override State Begin() => start();
}
