using System.Numerics;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates;

/// <summary>The global functions of every template: Jinja2's own and the two that transformers adds.</summary>
static class Globals
{
    public static IReadOnlyDictionary<string, Value> All { get; } = new Dictionary<string, Value>
    {
        ["range"] = new FunctionValue("range", Range),
        ["dict"] = new FunctionValue("dict", Dict),
        ["namespace"] = new FunctionValue("namespace", Namespace),
        ["cycler"] = new FunctionValue("cycler", (_, a) => a.Positional.Count == 0
            ? throw TemplateException.Type("at least one item has to be provided") : new CyclerValue(a.Positional)),
        ["joiner"] = new FunctionValue("joiner", Signature.Bind("joiner", "sep?", (_, a) => new JoinerValue(a[0] ?? new TextValue(", ")))),
        ["raise_exception"] = new FunctionValue("raise_exception",
            Signature.Bind("raise_exception", "message", (r, a) => throw new TemplateException("TemplateError", Printer.Str(r, a[0]!)))),
        ["strftime_now"] = new FunctionValue("strftime_now",
            Signature.Bind("strftime_now", "format", (r, a) => Strftime.Format(r, r.Now, a[0]!))),
    };

    static RangeValue Range(Render r, Arguments arguments)
    {
        var numbers = new List<BigInteger>();
        foreach (var argument in arguments.Positional)
        {
            if (argument is UndefinedValue undefined)
                throw undefined.Error();
            numbers.Add(Numbers.TryInteger(argument, out var number) ? number
                : throw TemplateException.Type($"'{argument.TypeName}' object cannot be interpreted as an integer"));
        }
        return numbers switch
        {
            [var stop] => new RangeValue(0, stop, 1),
            [var start, var stop] => new RangeValue(start, stop, 1),
            [var start, var stop, var step] => new RangeValue(start, stop, step),
            _ => throw TemplateException.Type($"range expected 1 to 3 arguments, got {numbers.Count}"),
        };
    }

    static DictValue Dict(Render r, Arguments arguments)
    {
        var dict = new DictValue();
        if (arguments.Positional.Count > 1)
            throw TemplateException.Type($"dict expected at most 1 argument, got {arguments.Positional.Count}");
        foreach (var source in arguments.Positional)
            if (source is DictValue other)
                foreach (var (key, value) in other.Entries)
                    Add(key, value);
            else
                foreach (var pair in Sequences.Iterate(r, source))
                    if (Sequences.Collect(r, pair) is [var key, var value])
                        Add(key, value);
                    else
                        throw TemplateException.Value("a dictionary is made of pairs");
        foreach (var (name, value) in arguments.Keywords)
            Add(new TextValue(name), value);
        return dict;

        void Add(Value key, Value value)
        {
            r.Step();
            r.Charge(64);
            r.Scan((key as TextValue)?.Text.Length ?? 0);
            dict.Set(key, value);
        }
    }

    static NamespaceValue Namespace(Render r, Arguments arguments)
    {
        var ns = new NamespaceValue();
        r.Charge(128);
        foreach (var (key, value) in Dict(r, arguments).Entries)
            ns.Set(Printer.Str(r, key), value);
        return ns;
    }
}
