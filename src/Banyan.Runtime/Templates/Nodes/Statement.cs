using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Nodes;

/// <summary>What follows a statement: the next one, or the end or next iteration of the enclosing loop.</summary>
enum Flow { Next, Break, Continue }

/// <summary>A part of a template that writes or changes something. Immutable, like <see cref="Expression"/>.</summary>
abstract class Statement(int line)
{
    public Flow Execute(Render r)
    {
        r.Step();
        r.Line = line;
        return Run(r);
    }

    protected abstract Flow Run(Render r);

    public static Flow ExecuteAll(Statement[] body, Render r)
    {
        r.Enter();
        var flow = Flow.Next;
        for (var i = 0; i < body.Length && flow == Flow.Next; i++)
            flow = body[i].Execute(r);
        r.Leave();
        return flow;
    }
}

/// <summary>Literal text.</summary>
sealed class Data(int line, string text) : Statement(line)
{
    protected override Flow Run(Render r)
    {
        r.Write(text);
        return Flow.Next;
    }
}

/// <summary><c>{{ expression }}</c>.</summary>
sealed class Print(int line, Expression expression) : Statement(line)
{
    protected override Flow Run(Render r)
    {
        r.Write(Printer.Str(r, expression.Evaluate(r)));
        return Flow.Next;
    }
}

sealed class If(int line, (Expression Test, Statement[] Body)[] branches, Statement[] otherwise) : Statement(line)
{
    protected override Flow Run(Render r)
    {
        foreach (var (test, body) in branches)
            if (test.Evaluate(r).IsTrue)
                return ExecuteAll(body, r);
        return ExecuteAll(otherwise, r);
    }
}

/// <summary><c>{% break %}</c> and <c>{% continue %}</c>.</summary>
sealed class Jump(int line, Flow flow) : Statement(line)
{
    protected override Flow Run(Render r) => flow;
}

/// <summary><c>{% set target = value %}</c>.</summary>
sealed class Set(int line, Target target, Expression value) : Statement(line)
{
    protected override Flow Run(Render r)
    {
        target.Assign(r, value.Evaluate(r));
        return Flow.Next;
    }
}

/// <summary><c>{% set target | filters %}text{% endset %}</c>.</summary>
sealed class SetBlock(int line, Target target, Filter[] filters, Statement[] body) : Statement(line)
{
    protected override Flow Run(Render r)
    {
        target.Assign(r, FilterBlock.Filtered(r, filters, body));
        return Flow.Next;
    }
}

/// <summary><c>{% filter name %}text{% endfilter %}</c>.</summary>
sealed class FilterBlock(int line, Filter[] filters, Statement[] body) : Statement(line)
{
    protected override Flow Run(Render r)
    {
        r.Write(Printer.Str(r, Filtered(r, filters, body)));
        return Flow.Next;
    }

    public static Value Filtered(Render r, Filter[] filters, Statement[] body)
    {
        var outer = r.Open(r.Scope);
        Value value = r.Text(r.Capture(body));
        r.Return(outer);
        foreach (var filter in filters)
            value = filter.Apply(r, value);
        return value;
    }
}

/// <summary>
/// <c>{% generation %}…{% endgeneration %}</c>: what the assistant says. The text is as without it; training asks where it is.
/// </summary>
sealed class GenerationBlock(int line, Statement[] body) : Statement(line)
{
    protected override Flow Run(Render r)
    {
        var (outer, start) = (r.Open(r.Scope), r.Length);
        var flow = ExecuteAll(body, r);
        r.Return(outer);
        r.AddAnswer(start, r.Length);
        return flow;
    }
}

/// <summary><c>{% with a = 1, b = 2 %}…{% endwith %}</c>; a block without names only has its own scope.</summary>
sealed class With(int line, (Target Target, Expression Value)[] variables, Statement[] body) : Statement(line)
{
    protected override Flow Run(Render r)
    {
        var values = new Value[variables.Length]; // all of them are evaluated outside
        for (var i = 0; i < values.Length; i++)
            values[i] = variables[i].Value.Evaluate(r);
        var outer = r.Open(r.Scope);
        for (var i = 0; i < values.Length; i++)
            variables[i].Target.Assign(r, values[i]);
        var flow = ExecuteAll(body, r);
        r.Return(outer);
        return flow;
    }
}
