using Banyan.Runtime.Templates.Methods;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

using static Banyan.Runtime.Templates.Filters.FilterTable;

namespace Banyan.Runtime.Templates.Filters;

static class SequenceFilters
{
    public static readonly KeyValuePair<string, NativeFunction>[] Table =
    [
        Row("length", "", Length),
        Row("count", "", Length),
        Row("first", "", (r, a) => Sequences.Iterate(r, a[0]!).FirstOrDefault()
            ?? new UndefinedValue("No first item, sequence was empty.")),
        Row("last", "", Last),
        Row("list", "", (r, a) => r.List(Sequences.Collect(r, a[0]!))),
        Row("join", "d? attribute?", Join),
        Row("reverse", "", Reverse),
        Row("items", "", Items),
        Row("sum", "attribute? start?", Sum),
        Row("batch", "linecount fill_with?", (r, a) => new GeneratorValue(Batch(r, a[0]!, Numbers.Index(a[1], 1), a[2]))),
        Row("slice", "slices fill_with?", (r, a) => new GeneratorValue(SliceUp(r, a[0]!, Numbers.Index(a[1], 1), a[2]))),
        Row("default", "default_value? boolean?", Default),
        Row("d", "default_value? boolean?", Default),
        Row("attr", "name", (r, a) => a[1] is TextValue name && (a[0] is not DictValue || MethodTable.Find(a[0]!, name.Text) is not null)
            ? Lookup.Attribute(r, a[0]!, name.Text) : UndefinedValue.Missing(a[0]!, Printer.Str(r, a[1]!))),
    ];

    static Value Length(Render r, Value?[] a)
    {
        if (a[0] is TextValue text)
            r.Scan(text.Text.Length);
        return Sequences.TryCount(a[0]!, out var count) ? count
            : throw (a[0] is UndefinedValue refused ? refused.Error()
                : TemplateException.Type($"object of type '{a[0]!.TypeName}' has no len()"));
    }

    static Value Last(Render r, Value?[] a)
    {
        if (a[0] is GeneratorValue generator)
            throw TemplateException.Type($"'{generator.TypeName}' object is not reversible");
        if (a[0] is UndefinedValue)
            throw TemplateException.Type("'Undefined' object is not reversible");
        if (a[0] is TextValue text)
            r.Scan(text.Text.Length);
        if (a[0] is ListValue or TextValue or RangeValue)
            return Sequences.TryCount(a[0]!, out var count) && count > 0 ? Sequences.At(a[0]!, count - 1)
                : new UndefinedValue("No last item, sequence was empty.");
        return Sequences.Iterate(r, a[0]!).LastOrDefault() ?? new UndefinedValue("No last item, sequence was empty.");
    }

    static TextValue Join(Render r, Value?[] a)
    {
        var separator = a[1] is null ? "" : Printer.Str(r, a[1]!);
        var parts = new List<string>();
        var path = a[2] is null or NoneValue ? null : AttributePath.Parse(r, a[2]!);
        foreach (var item in Sequences.Iterate(r, a[0]!))
        {
            var part = Printer.Str(r, path?.Get(r, item) ?? item);
            r.Charge(2L * (part.Length + (parts.Count > 0 ? separator.Length : 0)) + 8);
            parts.Add(part);
        }
        return new TextValue(string.Join(separator, parts));
    }

    static Value Reverse(Render r, Value?[] a)
    {
        switch (a[0])
        {
            case TextValue text:
                r.Charge(32L * text.Text.Length);
                return r.Text(CodePoints.Reverse(text.Text), text.IsMarkup);
            case ListValue or RangeValue or DictValue or DictView:
                var items = Sequences.Collect(r, a[0]!);
                items.Reverse();
                return new GeneratorValue(items, a[0] is ListValue { IsTuple: false } ? "list_reverseiterator" : a[0] is DictValue
                    ? "dict_reversekeyiterator" : "reversed");
            case var other when Sequences.IsIterable(other!):
                var all = Sequences.Collect(r, other!);
                all.Reverse();
                return r.List(all);
            default:
                throw new TemplateException("FilterArgumentError", "argument must be iterable");
        }
    }

    static GeneratorValue Items(Render r, Value?[] a) => new(Pairs(a[0]!));

    // Like any Python generator it fails when it is read, not when it is created.
    static IEnumerable<Value> Pairs(Value value)
    {
        if (value is UndefinedValue)
            yield break;
        if (value is not DictValue dict)
            throw TemplateException.Type("Can only get item pairs from a mapping.");
        foreach (var pair in new DictView(dict, DictPart.Items).Items)
            yield return pair;
    }

    static Value Sum(Render r, Value?[] a)
    {
        var sum = a[2] ?? 0;
        if (sum is TextValue)
            throw TemplateException.Type("sum() can't sum strings [use ''.join(seq) instead]");
        var path = a[1] is null or NoneValue ? null : AttributePath.Parse(r, a[1]!);
        foreach (var item in Sequences.Iterate(r, a[0]!))
            sum = Arithmetic.Apply(r, Operator.Add, sum, path?.Get(r, item) ?? item);
        return sum;
    }

    static IEnumerable<Value> Batch(Render r, Value value, int size, Value? fill)
    {
        var batch = new List<Value>();
        foreach (var item in Sequences.Iterate(r, value))
        {
            if (batch.Count == size)
            {
                yield return r.List(batch);
                batch = [];
            }
            r.Charge(16);
            batch.Add(item);
        }
        if (batch.Count == 0)
            yield break;
        if (fill is not (null or NoneValue) && batch.Count < size)
        {
            r.Charge(8L * size);
            r.Step(size - batch.Count);
            batch.AddRange(Enumerable.Repeat(fill, size - batch.Count));
        }
        yield return r.List(batch);
    }

    static IEnumerable<Value> SliceUp(Render r, Value value, int slices, Value? fill)
    {
        var items = Sequences.Collect(r, value);
        if (slices == 0)
            throw new TemplateException("ZeroDivisionError", "integer division or modulo by zero");
        var (each, more) = slices > 0 ? Math.DivRem(items.Count, slices) : (0, 0);
        for (int i = 0, from = 0; i < slices; i++)
        {
            r.Step();
            var to = from + each + (i < more ? 1 : 0);
            var slice = items[from..to];
            if (fill is not (null or NoneValue) && i >= more)
                slice.Add(fill);
            from = to;
            yield return r.List(slice);
        }
    }

    static Value Default(Render r, Value?[] a) =>
        a[0] is UndefinedValue || (a[2] is { IsTrue: true } && !a[0]!.IsTrue) ? a[1] ?? TextValue.Empty : a[0]!;
}
