using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Nodes;

/// <summary><c>owner.name</c>: the attribute (a method, say) first, then the item.</summary>
sealed class Member(Expression owner, string name) : Expression
{
    public Expression Owner => owner;
    public string Name => name;
    protected override Value Compute(Render r) => Lookup.Attribute(r, owner.Evaluate(r), name);
}

/// <summary><c>owner[key]</c>: the item first, then the attribute.</summary>
sealed class Item(Expression owner, Expression key) : Expression
{
    protected override Value Compute(Render r) => Lookup.Item(r, owner.Evaluate(r), key.Evaluate(r));
}

/// <summary><c>owner[start:stop:step]</c>.</summary>
sealed class Slice(Expression owner, Expression? start, Expression? stop, Expression? step) : Expression
{
    protected override Value Compute(Render r)
    {
        var value = owner.Evaluate(r);
        return Sequences.Slice(r, value, start?.Evaluate(r), stop?.Evaluate(r), step?.Evaluate(r));
    }
}
