using Banyan.Runtime.Templates.Tests;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Filters;

/// <summary>
/// select, reject, selectattr, rejectattr and map: filters that take the name of a test or filter. Their results are lazy and can be read
/// once.
/// </summary>
static class SelectionFilters
{
    public static readonly KeyValuePair<string, NativeFunction>[] Table =
    [
        new("select", (r, a) => new GeneratorValue(Select(r, a, keep: true, byAttribute: false))),
        new("reject", (r, a) => new GeneratorValue(Select(r, a, keep: false, byAttribute: false))),
        new("selectattr", (r, a) => new GeneratorValue(Select(r, a, keep: true, byAttribute: true))),
        new("rejectattr", (r, a) => new GeneratorValue(Select(r, a, keep: false, byAttribute: true))),
        new("map", (r, a) => new GeneratorValue(Map(r, a))),
    ];

    static IEnumerable<Value> Select(Render r, Arguments a, bool keep, bool byAttribute)
    {
        if (!a.Positional[0].IsTrue)
            yield break;
        var rest = a.Skip(1);
        AttributePath? path = null;
        if (byAttribute)
        {
            path = AttributePath.Parse(r, rest.Positional.Count > 0 ? rest.Positional[0]
                : throw new TemplateException("FilterArgumentError", "Missing parameter for attribute name"));
            rest = rest.Skip(1);
        }
        NativeFunction? test = null;
        if (rest.Positional.Count > 0)
        {
            var name = Printer.Str(r, rest.Positional[0]);
            test = JinjaTests.Find(name) ?? throw JinjaTests.Unknown(name);
            rest = rest.Skip(1);
        }
        foreach (var item in Sequences.Iterate(r, a.Positional[0]))
        {
            r.Step(rest.Positional.Count >> 3);
            var value = path?.Get(r, item) ?? item;
            if ((test?.Invoke(r, rest.Prepend(value)) ?? value).IsTrue == keep)
                yield return item;
        }
    }

    static IEnumerable<Value> Map(Render r, Arguments a)
    {
        if (!a.Positional[0].IsTrue)
            yield break;
        var rest = a.Skip(1);
        Func<Value, Value> change;
        if (rest.Positional.Count == 0 && rest.TryKeyword("attribute", out var attribute))
        {
            var path = AttributePath.Parse(r, attribute);
            var fallback = rest.TryKeyword("default", out var value) ? value : null;
            if (rest.Keywords.FirstOrDefault(k => k.Key is not ("attribute" or "default")).Key is { } unexpected)
                throw new TemplateException("FilterArgumentError", $"Unexpected keyword argument {Printer.Quote(unexpected)}");
            change = item => path.Get(r, item, fallback);
        }
        else
        {
            if (rest.Positional.Count == 0)
                throw new TemplateException("FilterArgumentError", "map requires a filter argument");
            var name = Printer.Str(r, rest.Positional[0]);
            var filter = FilterTable.Find(name) ?? throw FilterTable.Unknown(name);
            rest = rest.Skip(1);
            change = item => filter(r, rest.Prepend(item));
        }
        foreach (var item in Sequences.Iterate(r, a.Positional[0]))
        {
            r.Step(rest.Positional.Count >> 3);
            yield return change(item);
        }
    }
}
