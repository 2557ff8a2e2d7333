namespace Banyan.Runtime.Templates.Values;

/// <summary>The body of a function, filter, test or method (whose value is the first argument).</summary>
delegate Value NativeFunction(Render r, Arguments arguments);

/// <summary>The arguments of a call.</summary>
sealed class Arguments(IReadOnlyList<Value> positional, IReadOnlyList<KeyValuePair<string, Value>>? keywords = null)
{
    public readonly IReadOnlyList<Value> Positional = positional;
    public readonly IReadOnlyList<KeyValuePair<string, Value>> Keywords = keywords ?? [];

    public Arguments Prepend(Value first) => new([first, .. Positional], Keywords);
    public Arguments Skip(int count) => new([.. Positional.Skip(count)], Keywords);

    public bool TryKeyword(string name, out Value value)
    {
        foreach (var keyword in Keywords)
            if (keyword.Key == name)
            {
                value = keyword.Value;
                return true;
            }
        value = NoneValue.None;
        return false;
    }
}

/// <summary>The parameters of a native function, written as <c>"value width? first?"</c>: a question mark makes one optional.</summary>
sealed class Signature
{
    readonly string _name;
    readonly string[] _parameters;
    readonly int _required;

    Signature(string name, string parameters)
    {
        var all = parameters.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        (_name, _required) = (name, all.Count(p => p[^1] != '?'));
        _parameters = [.. all.Select(p => p.TrimEnd('?'))];
    }

    /// <summary>A function whose body receives one value per parameter, null if none was passed.</summary>
    public static NativeFunction Bind(string name, string parameters, Func<Render, Value?[], Value> body)
    {
        var signature = new Signature(name, parameters);
        return (r, arguments) => body(r, signature.Match(arguments));
    }

    Value?[] Match(Arguments arguments)
    {
        var values = new Value?[_parameters.Length];
        if (arguments.Positional.Count > values.Length)
            throw TemplateException.Type(
                $"{_name}() takes at most {values.Length} argument{(values.Length == 1 ? "" : "s")} ({arguments.Positional.Count} given)");
        for (var i = 0; i < arguments.Positional.Count; i++)
            values[i] = arguments.Positional[i];
        foreach (var (keyword, value) in arguments.Keywords)
        {
            var at = Array.IndexOf(_parameters, keyword);
            if (at < 0)
                throw TemplateException.Type($"{_name}() got an unexpected keyword argument {Printer.Quote(keyword)}");
            if (values[at] is not null)
                throw TemplateException.Type($"{_name}() got multiple values for argument {Printer.Quote(keyword)}");
            values[at] = value;
        }
        for (var i = 0; i < _required; i++)
            if (values[i] is null)
                throw TemplateException.Type($"{_name}() missing required argument {Printer.Quote(_parameters[i])}");
        return values;
    }
}
