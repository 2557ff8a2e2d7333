using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Nodes;

/// <summary>The arguments of a call as written: positional, named, <c>*list</c> and <c>**dict</c>.</summary>
sealed record ArgumentList(Expression[] Positional, (string Name, Expression Value)[] Keywords, Expression? Rest, Expression? KeywordRest)
{
    public static readonly ArgumentList None = new([], [], null, null);

    /// <param name="r">The rendering.</param>
    /// <param name="first">The value before the written arguments: that of a filter or test.</param>
    public Arguments Evaluate(Render r, Value? first = null)
    {
        var positional = new List<Value>(Positional.Length + 1);
        if (first is not null)
            positional.Add(first);
        foreach (var argument in Positional)
            positional.Add(argument.Evaluate(r));
        if (Rest is not null)
            positional.AddRange(Sequences.Collect(r, Rest.Evaluate(r)));
        if (Keywords.Length == 0 && KeywordRest is null)
            return new Arguments(positional);
        var keywords = new List<KeyValuePair<string, Value>>(Keywords.Length);
        foreach (var (name, value) in Keywords)
            keywords.Add(new(name, value.Evaluate(r)));
        if (KeywordRest?.Evaluate(r) is { } rest)
        {
            if (rest is not DictValue dict)
                throw TemplateException.Type($"argument after ** must be a mapping, not {rest.TypeName}");
            r.Charge(32L * dict.Entries.Count);
            foreach (var (key, value) in dict.Entries)
                keywords.Add(new((key as TextValue)?.Text ?? throw TemplateException.Type("keywords must be strings"), value));
        }
        return new Arguments(positional, keywords);
    }
}

sealed class Call(Expression function, ArgumentList arguments) : Expression
{
    public Expression Function => function;
    public ArgumentList Arguments => arguments;

    protected override Value Compute(Render r)
    {
        var callee = function.Evaluate(r);
        return Invoke(r, callee, arguments.Evaluate(r));
    }

    public static Value Invoke(Render r, Value callee, Arguments arguments) => callee switch
    {
        FunctionValue f => f.Body(r, arguments),
        ObjectValue { IsCallable: true } o => o.Call(r, arguments),
        UndefinedValue u => throw u.Error(),
        _ => throw TemplateException.Type($"'{callee.TypeName}' object is not callable"),
    };
}

/// <summary>
/// <c>value | name(arguments)</c>. If the filter does not exist and may never be reached, it fails only when it is reached.
/// </summary>
sealed class Filter(Expression? value, string name, NativeFunction? body, ArgumentList arguments) : Expression
{
    protected override Value Compute(Render r) => Apply(r, value!.Evaluate(r));

    /// <summary>Applies the filter to a given value: a filter block's text.</summary>
    public Value Apply(Render r, Value input) =>
        (body ?? throw new TemplateException("TemplateRuntimeError", $"No filter named {Printer.Quote(name)} found."))(r,
            arguments.Evaluate(r, input));
}

/// <summary><c>value is name(arguments)</c>.</summary>
sealed class Test(Expression value, string name, NativeFunction? body, ArgumentList arguments) : Expression
{
    protected override Value Compute(Render r) =>
        (body ?? throw new TemplateException("TemplateRuntimeError", $"No test named {Printer.Quote(name)} found."))(r,
            arguments.Evaluate(r, value.Evaluate(r)));
}
