using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Nodes;

/// <summary>The head and body of a macro, or of the caller that a call block passes.</summary>
/// <param name="Name">Its name; null for a caller.</param>
/// <param name="Parameters">Names, with the default of each that has one.</param>
/// <param name="Body">What it writes.</param>
/// <param name="UsesVarargs">Whether the body names <c>varargs</c>, which lets a call pass more than the parameters.</param>
/// <param name="UsesKwargs">The same for <c>kwargs</c> and unknown names.</param>
/// <param name="UsesCaller">Whether a call block may call it.</param>
sealed record MacroDefinition(string? Name, (string Name, Expression? Default)[] Parameters, Statement[] Body, bool UsesVarargs,
    bool UsesKwargs, bool UsesCaller);

/// <summary><c>{% macro name(parameters) %}…{% endmacro %}</c>.</summary>
sealed class Macro(int line, MacroDefinition definition) : Statement(line)
{
    protected override Flow Run(Render r)
    {
        r.Scope.Set(definition.Name!, new MacroValue(definition, r.Scope));
        return Flow.Next;
    }
}

/// <summary><c>{% call(parameters) macro(arguments) %}…{% endcall %}</c>: the macro calls the block as <c>caller(…)</c>.</summary>
sealed class CallBlock(int line, MacroDefinition caller, Call call) : Statement(line)
{
    protected override Flow Run(Render r)
    {
        var function = call.Function.Evaluate(r);
        var arguments = call.Arguments.Evaluate(r);
        var block = new KeyValuePair<string, Value>("caller", new MacroValue(caller, r.Scope));
        r.Write(Printer.Str(r, Call.Invoke(r, function, new Arguments(arguments.Positional, [.. arguments.Keywords, block]))));
        return Flow.Next;
    }
}

/// <summary>A macro and the scope it was defined in, which its body sees.</summary>
sealed class MacroValue(MacroDefinition definition, Scope scope) : ObjectValue
{
    public override string TypeName => "Macro";
    public override string ObjectName => "jinja2.runtime.Macro object";
    public override bool IsCallable => true;
    public override string Describe(Render r, int depth) =>
        definition.Name is null ? "<Macro anonymous>" : $"<Macro {Printer.Quote(definition.Name)}>";

    public override bool TryGetAttribute(Render r, string name, out Value value)
    {
        value = name switch
        {
            "name" => definition.Name is null ? NoneValue.None : new TextValue(definition.Name),
            "arguments" => new ListValue([.. definition.Parameters.Select(p => new TextValue(p.Name))], isTuple: true),
            "catch_varargs" => definition.UsesVarargs,
            "catch_kwargs" => definition.UsesKwargs,
            "caller" => definition.UsesCaller,
            _ => null!,
        };
        return value is not null;
    }

    public override Value Call(Render r, Arguments arguments)
    {
        r.Enter();
        var line = r.Line;
        var outer = r.Open(scope);
        Pass(r, arguments);
        var text = r.Text(r.Capture(definition.Body));
        r.Return(outer);
        r.Line = line;
        r.Leave();
        return text;
    }

    void Pass(Render r, Arguments arguments)
    {
        var parameters = definition.Parameters;
        var name = definition.Name is null ? "None" : Printer.Quote(definition.Name);
        var keywords = arguments.Keywords.ToList();
        r.Step((parameters.Length + 1L) * (keywords.Count + 1) >> 3);
        for (var i = 0; i < parameters.Length; i++)
        {
            var (parameter, fallback) = parameters[i];
            var at = keywords.FindIndex(k => k.Key == parameter);
            if (i < arguments.Positional.Count)
                r.Scope.Set(parameter, arguments.Positional[i]);
            else if (at >= 0)
            {
                r.Scope.Set(parameter, keywords[at].Value);
                keywords.RemoveAt(at);
            }
            else
                r.Scope.Set(parameter, fallback?.Evaluate(r)
                    ?? new UndefinedValue($"parameter {Printer.Quote(parameter)} was not provided"));
        }
        if (definition.UsesCaller && parameters.All(p => p.Name != "caller"))
        {
            var at = keywords.FindIndex(k => k.Key == "caller");
            r.Scope.Set("caller", at >= 0 ? keywords[at].Value : new UndefinedValue("No caller defined"));
            if (at >= 0)
                keywords.RemoveAt(at);
        }
        if (definition.UsesKwargs)
        {
            var rest = new DictValue(keywords.Count);
            foreach (var (key, value) in keywords)
                rest.Set(new TextValue(key), value);
            r.Scope.Set("kwargs", rest);
        }
        else if (keywords.Count > 0)
            throw TemplateException.Type(keywords.Any(k => k.Key == "caller")
                ? $"macro {name} was invoked with two values for the special caller argument. This is most likely a bug."
                : $"macro {name} takes no keyword argument {Printer.Quote(keywords[0].Key)}");
        if (definition.UsesVarargs)
            r.Scope.Set("varargs", r.List([.. arguments.Positional.Skip(parameters.Length)], isTuple: true));
        else if (arguments.Positional.Count > parameters.Length)
            throw TemplateException.Type($"macro {name} takes not more than {parameters.Length} argument(s)");
    }
}
