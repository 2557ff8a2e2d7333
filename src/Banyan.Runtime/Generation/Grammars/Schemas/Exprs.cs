namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>Makes what schemas say, equal combinations once, so that nodes of a recursive schema are finitely many.</summary>
internal sealed class Exprs
{
    /// <summary>More than any honest schema says.</summary>
    const int Most = 200_000;

    readonly Dictionary<string, Expr> _known = new(StringComparer.Ordinal);
    int _count;

    public Exprs()
    {
        True = Add(new TrueExpr());
        False = Not(True);
    }

    public Expr True { get; }

    public Expr False { get; }

    public T Add<T>(T expr) where T : Expr
    {
        if (_count >= Most)
            throw new GrammarException("", "the schema is too large");
        expr.Id = _count++;
        return expr;
    }

    public Expr Not(Expr expr)
    {
        if (expr is NotExpr not)
            return not.Inner;
        return expr.Negated ??= Add(new NotExpr(expr));
    }

    public Expr All(IReadOnlyList<Expr> items)
    {
        if (items.Contains(False))
            return False;
        var left = items.Where(item => item != True).Distinct().ToList();
        return left.Count switch
        {
            0 => True,
            1 => left[0],
            _ => Known($"all {string.Join(' ', left.Select(e => e.Id))}", () => new AllExpr(left)),
        };
    }

    public Expr Any(IReadOnlyList<Expr> items, bool exclusive)
    {
        // What true alternatives evaluate counts too: the others are kept beside them.
        if (exclusive && items.Contains(True))
            return True;
        var left = items.Where(item => item != False).Distinct().ToList();
        return left.Count switch
        {
            0 => False,
            1 => left[0],
            _ => Known($"any {exclusive} {string.Join(' ', left.Select(e => e.Id))}", () => new AnyExpr(left, exclusive)),
        };
    }

    Expr Known(string key, Func<Expr> make)
    {
        if (!_known.TryGetValue(key, out var expr))
            _known[key] = expr = Add(make());
        return expr;
    }
}
