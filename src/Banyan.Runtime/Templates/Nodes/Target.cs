using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Nodes;

/// <summary>The left side of an assignment: a name, a namespace's attribute, or several of them.</summary>
abstract class Target
{
    public abstract void Assign(Render r, Value value);
}

sealed class NameTarget(string name) : Target
{
    public override void Assign(Render r, Value value) => r.Scope.Set(name, value);
}

/// <summary><c>{% set ns.name = … %}</c>.</summary>
sealed class AttributeTarget(string owner, string name) : Target
{
    public override void Assign(Render r, Value value)
    {
        if (r.Lookup(owner) is not NamespaceValue ns)
            throw new TemplateException("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
        r.Charge(48);
        ns.Set(name, value);
    }
}

sealed class TupleTarget(Target[] targets) : Target
{
    public override void Assign(Render r, Value value)
    {
        if (!Sequences.IsIterable(value))
            throw TemplateException.Type($"cannot unpack non-iterable {value.TypeName} object");
        var values = new List<Value>(targets.Length);
        foreach (var item in Sequences.Iterate(r, value))
        {
            if (values.Count == targets.Length)
                throw TemplateException.Value($"too many values to unpack (expected {targets.Length})");
            values.Add(item);
        }
        if (values.Count < targets.Length)
            throw TemplateException.Value($"not enough values to unpack (expected {targets.Length}, got {values.Count})");
        for (var i = 0; i < targets.Length; i++)
            targets[i].Assign(r, values[i]);
    }
}
