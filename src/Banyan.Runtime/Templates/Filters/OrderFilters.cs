using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

using static Banyan.Runtime.Templates.Filters.FilterTable;

namespace Banyan.Runtime.Templates.Filters;

/// <summary>Filters that compare items; strings compare without case unless told otherwise.</summary>
static class OrderFilters
{
    public static readonly KeyValuePair<string, NativeFunction>[] Table =
    [
        Row("sort", "reverse? case_sensitive? attribute?", Sort),
        Row("dictsort", "case_sensitive? by? reverse?", DictSort),
        Row("unique", "case_sensitive? attribute?", (r, a) => new GeneratorValue(Unique(r, a))),
        Row("groupby", "attribute default? case_sensitive?", GroupBy),
        Row("min", "case_sensitive? attribute?", (r, a) => Extreme(r, a, "<")),
        Row("max", "case_sensitive? attribute?", (r, a) => Extreme(r, a, ">")),
    ];

    static Value Folded(Render r, Value key, Value? caseSensitive) =>
        key is TextValue text && !(caseSensitive?.IsTrue ?? false) ? r.Text(PythonText.Lower(text.Text)) : key;

    static ListValue Sort(Render r, Value?[] a)
    {
        var paths = AttributePath.ParseAll(r, a[3]);
        return r.List(Sorting.Sort(r, Sequences.Collect(r, a[0]!),
            item => r.List([.. paths.Select(path => Folded(r, path.Get(r, item), a[2]))]), a[1]?.IsTrue ?? false));
    }

    static Value DictSort(Render r, Value?[] a)
    {
        var by = a[2] is null ? "key" : Printer.Str(r, a[2]!);
        if (by is not ("key" or "value"))
            throw new TemplateException("FilterArgumentError", "You can only sort by either \"key\" or \"value\"");
        if (a[0] is UndefinedValue undefined)
            throw undefined.Error();
        if (a[0] is not DictValue dict)
            throw new TemplateException("AttributeError", $"'{a[0]!.TypeName}' object has no attribute 'items'");
        r.Charge(64L * dict.Entries.Count);
        var sorted = Sorting.Sort(r, dict.Entries, e => Folded(r, by == "key" ? e.Key : e.Value, a[1]), a[3]?.IsTrue ?? false);
        return r.List([.. sorted.Select(e => new ListValue([e.Key, e.Value], isTuple: true))]);
    }

    static IEnumerable<Value> Unique(Render r, Value?[] a)
    {
        var seen = new DictValue();
        var path = a[2] is null or NoneValue ? null : AttributePath.Parse(r, a[2]!);
        foreach (var item in Sequences.Iterate(r, a[0]!))
        {
            var key = Folded(r, path?.Get(r, item) ?? item, a[1]);
            if (key is TextValue text)
                r.Scan(text.Text.Length);
            if (seen.TryGet(key, out _))
                continue;
            r.Charge(64);
            seen.Set(key, NoneValue.None);
            yield return item;
        }
    }

    static Value GroupBy(Render r, Value?[] a)
    {
        var path = AttributePath.Parse(r, a[1]!);
        Value Key(Value item) => Folded(r, path.Get(r, item, a[2]), a[3]);
        var groups = new List<Value>();
        List<Value>? group = null;
        Value? last = null;
        foreach (var item in Sorting.Sort(r, Sequences.Collect(r, a[0]!), Key))
        {
            var key = Key(item);
            if (last is null || !Equality.AreEqual(r, last, key))
            {
                group = [];
                groups.Add(r.List([(a[3]?.IsTrue ?? false) ? key : path.Get(r, item, a[2]), new ListValue(group)], isTuple: true));
                last = key;
            }
            r.Charge(16);
            group!.Add(item);
        }
        return r.List(groups);
    }

    static Value Extreme(Render r, Value?[] a, string symbol)
    {
        var path = a[2] is null or NoneValue ? null : AttributePath.Parse(r, a[2]!);
        Value? best = null, bestKey = null;
        foreach (var item in Sequences.Iterate(r, a[0]!))
        {
            var key = Folded(r, path?.Get(r, item) ?? item, a[1]);
            if (bestKey is null || Math.Sign(Equality.Order(r, key, bestKey, symbol) ?? 0) == (symbol == "<" ? -1 : 1))
                (best, bestKey) = (item, key);
        }
        return best ?? new UndefinedValue("No aggregated item, sequence was empty.");
    }
}
