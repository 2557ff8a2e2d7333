using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Nodes;

/// <summary><c>{% for target in items if filter recursive %}body{% else %}otherwise{% endfor %}</c>.</summary>
sealed class For(int line, Target target, Expression items, Expression? filter, bool recursive, Statement[] body, Statement[] otherwise)
    : Statement(line)
{
    protected override Flow Run(Render r)
    {
        Loop(r, items.Evaluate(r), r.Scope, 0);
        return Flow.Next;
    }

    void Loop(Render r, Value over, Scope scope, int depth)
    {
        var loop = new LoopValue(filter is null ? over : new GeneratorValue(Filtered(r, over, scope)), r, depth,
            recursive ? (children, level) => Recurse(r, children, scope, level) : null);
        var outer = r.Scope;
        var any = false;
        while (loop.MoveNext())
        {
            r.Step();
            r.Open(scope);
            r.Scope.Set("loop", loop);
            target.Assign(r, loop.Current);
            var flow = ExecuteAll(body, r);
            any |= flow == Flow.Next; // Jinja2 counts a turn only when it ends by itself
            if (flow == Flow.Break)
                break;
        }
        if (!any)
        {
            r.Open(scope);
            ExecuteAll(otherwise, r);
        }
        r.Return(outer);
    }

    string Recurse(Render r, Value children, Scope scope, int level)
    {
        r.Enter();
        var text = r.Capture([new Recursion(this, children, scope, level)]);
        r.Leave();
        return text;
    }

    // The condition sees the target but not the loop.
    IEnumerable<Value> Filtered(Render r, Value over, Scope scope)
    {
        foreach (var item in Sequences.Iterate(r, over))
        {
            var outer = r.Open(scope);
            target.Assign(r, item);
            var keep = filter!.Evaluate(r).IsTrue;
            r.Return(outer);
            if (keep)
                yield return item;
        }
    }

    sealed class Recursion(For loop, Value children, Scope scope, int level) : Statement(0)
    {
        protected override Flow Run(Render r)
        {
            loop.Loop(r, children, scope, level);
            return Flow.Next;
        }
    }
}
