using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Nodes;

/// <summary>A part of a template that has a value. Immutable: one parsed template renders on many threads at once.</summary>
abstract class Expression
{
    public Value Evaluate(Render r)
    {
        r.Step();
        r.CheckStack();
        return Compute(r);
    }

    protected abstract Value Compute(Render r);
}

sealed class Constant(Value value) : Expression
{
    public Value Value => value;
    protected override Value Compute(Render r) => value;
}

sealed class Name(string name) : Expression
{
    public string Text => name;
    protected override Value Compute(Render r) => r.Lookup(name);
}

/// <summary><c>[a, b]</c> or <c>(a, b)</c>.</summary>
sealed class ListLiteral(Expression[] items, bool isTuple) : Expression
{
    public Expression[] Items => items;
    public bool IsTuple => isTuple;

    protected override Value Compute(Render r)
    {
        var values = new Value[items.Length];
        for (var i = 0; i < items.Length; i++)
            values[i] = items[i].Evaluate(r);
        return r.List(values, isTuple);
    }
}

sealed class DictLiteral((Expression Key, Expression Value)[] entries) : Expression
{
    protected override Value Compute(Render r)
    {
        r.Charge(48L * entries.Length + 64);
        var dict = new DictValue(entries.Length);
        foreach (var (key, value) in entries)
        {
            var name = key.Evaluate(r);
            if (name is TextValue text)
                r.Scan(text.Text.Length);
            dict.Set(name, value.Evaluate(r));
        }
        return dict;
    }
}

/// <summary><c>a if test else b</c>; without else it is undefined.</summary>
sealed class Conditional(int line, Expression test, Expression then, Expression? otherwise) : Expression
{
    readonly UndefinedValue _none = new($"the inline if-expression on line {line} evaluated to false and no else section was defined.");

    protected override Value Compute(Render r) => test.Evaluate(r).IsTrue ? then.Evaluate(r) : otherwise?.Evaluate(r) ?? _none;
}
