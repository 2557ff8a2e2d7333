using Banyan.Runtime.Generation.Grammars.Automata;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>A value of which several things are said at once; the same things are the same node.</summary>
internal sealed class Node(IReadOnlyList<Expr> said)
{
    public IReadOnlyList<Expr> Said => said;

    /// <summary>The ways it can be valid; null until computed.</summary>
    public List<Box>? Boxes { get; set; }

    /// <summary>Its ways are being made.</summary>
    public bool IsExpanding { get; set; }

    /// <summary>Whether any value is valid; null until computed.</summary>
    public bool? IsInhabited { get; set; }

    /// <summary>Reads it.</summary>
    public Rule? Rule { get; set; }
}
