using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>Python's operations on anything with items: iterate, count, index, slice, contain.</summary>
static class Sequences
{
    public static bool IsIterable(Value value) =>
        value is ListValue or DictValue or DictView or TextValue or RangeValue or GeneratorValue or UndefinedValue or LoopValue;

    /// <summary>The items, counting a step for each.</summary>
    public static IEnumerable<Value> Iterate(Render r, Value value)
    {
        IEnumerable<Value> items = value switch
        {
            ListValue list => list.Items,
            DictValue dict => dict.Entries.Select(e => e.Key),
            DictView view => view.Items,
            TextValue text => Characters(r, text),
            RangeValue range => Enumerable.Range(0, range.Count).Select(i => range[i]),
            GeneratorValue generator => generator.Rest(),
            UndefinedValue { IsPlain: true } => [],
            UndefinedValue refused => throw refused.Error(),
            _ => throw TemplateException.Type($"'{value.TypeName}' object is not iterable"),
        };
        return Counted(r, items);
    }

    static IEnumerable<Value> Counted(Render r, IEnumerable<Value> items)
    {
        using var all = items.GetEnumerator();
        while (true)
        {
            r.Enter(); // a generator may read a generator that reads a generator…
            var isMore = all.MoveNext();
            r.Leave();
            if (!isMore)
                yield break;
            r.Step();
            yield return all.Current;
        }
    }

    static IEnumerable<Value> Characters(Render r, TextValue text)
    {
        r.Scan(text.Text.Length);
        if (CodePoints.AreChars(text.Text))
            foreach (var c in text.Text)
                yield return r.Text(c.ToString(), text.IsMarkup);
        else
            foreach (var rune in text.Text.EnumerateRunes())
                yield return r.Text(rune.ToString(), text.IsMarkup);
    }

    /// <summary>All items in a new list, charged as it grows.</summary>
    public static List<Value> Collect(Render r, Value value)
    {
        var items = new List<Value>();
        foreach (var item in Iterate(r, value))
        {
            r.Charge(16);
            items.Add(item);
        }
        return items;
    }

    /// <summary>Python's <c>len</c>, if the value has one.</summary>
    public static bool TryCount(Value value, out int count)
    {
        count = value switch
        {
            ListValue list => list.Items.Count,
            DictValue dict => dict.Entries.Count,
            DictView view => view.Dict.Entries.Count,
            TextValue text => CodePoints.Count(text.Text),
            RangeValue range => range.Count,
            UndefinedValue { IsPlain: true } => 0,
            _ => -1,
        };
        return count >= 0;
    }

    public static Value At(Value sequence, int index) => sequence switch
    {
        ListValue list => list.Items[index],
        RangeValue range => range[index],
        TextValue text => new TextValue(CodePoints.Take(text.Text, index, index + 1), text.IsMarkup),
        _ => throw TemplateException.Type($"'{sequence.TypeName}' object is not subscriptable"),
    };

    public static bool Contains(Render r, Value container, Value item)
    {
        switch (container)
        {
            case TextValue text:
                return item is TextValue part ? TextSearch.Find(r, text.Text, part.Text) >= 0
                    : throw TemplateException.Type($"'in <string>' requires string as left operand, not {item.TypeName}");
            case DictValue dict:
                return Has(r, dict, item);
            case DictView { Part: DictPart.Keys } keys:
                return Has(r, keys.Dict, item);
            case var _ when !IsIterable(container):
                throw TemplateException.Type($"argument of type '{container.TypeName}' is not iterable");
            default:
                foreach (var candidate in Iterate(r, container))
                    if (Equality.AreEqual(r, candidate, item, 1))
                        return true;
                return false;
        }
    }

    static bool Has(Render r, DictValue dict, Value key)
    {
        if (key is TextValue text)
            r.Scan(text.Text.Length);
        return dict.TryGet(key, out _);
    }

    /// <summary><c>value[start:stop:step]</c>.</summary>
    public static Value Slice(Render r, Value value, Value? start, Value? stop, Value? step)
    {
        if (value is UndefinedValue undefined)
            throw undefined.Error();
        if (value is not (ListValue or TextValue or RangeValue))
            throw TemplateException.Type(value is DictValue ? "unhashable type: 'slice'"
                : $"'{value.TypeName}' object is not subscriptable");
        TryCount(value, out var count);
        var by = Bound(step) ?? 1;
        if (by == 0)
            throw TemplateException.Value("slice step cannot be zero");
        int Clamp(int? bound, int missing)
        {
            var (low, high) = by > 0 ? (0, count) : (-1, count - 1);
            return bound is not { } b ? missing : Math.Clamp(b < 0 ? Math.Max(b + count, -1) : b, low, high);
        }
        var from = Clamp(Bound(start), by > 0 ? 0 : count - 1);
        var to = Clamp(Bound(stop), by > 0 ? count : -1);
        if (value is TextValue text)
        {
            r.Scan(text.Text.Length);
            if (by == 1)
                return r.Text(CodePoints.Take(text.Text, from, to), text.IsMarkup);
            var characters = CodePoints.Split(text.Text);
            r.Charge(32L * characters.Length);
            return r.Text(string.Concat(Indexes().Select(i => characters[i])), text.IsMarkup);
        }
        r.Step(Math.Abs((long)to - from) / Math.Abs((long)by));
        var items = Indexes().Select(i => At(value, i)).ToArray();
        return value is RangeValue range ? new RangeValue(range.Start + from * range.Step, range.Start + to * range.Step, range.Step * by)
            : r.List(items, value is ListValue { IsTuple: true });

        IEnumerable<int> Indexes()
        {
            for (long i = from; by > 0 ? i < to : i > to; i += by)
                yield return (int)i;
        }
    }

    static int? Bound(Value? value) => value is null or NoneValue ? null : Numbers.TryInteger(value, out _) ? Numbers.Index(value, 0)
        : throw TemplateException.Type("slice indices must be integers or None or have an __index__ method");
}
