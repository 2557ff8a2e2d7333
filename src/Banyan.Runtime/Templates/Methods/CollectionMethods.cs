using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

using static Banyan.Runtime.Templates.Methods.MethodTable;

namespace Banyan.Runtime.Templates.Methods;

static class CollectionMethods
{
    public static readonly KeyValuePair<string, NativeFunction>[] Dict =
    [
        Row("items", "", (_, a) => new DictView((DictValue)a[0]!, DictPart.Items)),
        Row("keys", "", (_, a) => new DictView((DictValue)a[0]!, DictPart.Keys)),
        Row("values", "", (_, a) => new DictView((DictValue)a[0]!, DictPart.Values)),
        Row("get", "key default?", Get),
        Row("copy", "", (_, a) => a[0]!), // nothing can change it
        Row("fromkeys", "keys value?", FromKeys),
    ];

    public static readonly KeyValuePair<string, NativeFunction>[] List =
    [
        Row("index", "value start? stop?", Index),
        Row("count", "value", (r, a) => Sequences.Iterate(r, a[0]!).Count(item => Equality.AreEqual(r, item, a[1]!, 1))),
        Row("copy", "", (_, a) => a[0]!),
    ];

    static Value Get(Render r, Value?[] a)
    {
        if (a[1] is TextValue text)
            r.Scan(text.Text.Length);
        return ((DictValue)a[0]!).TryGet(a[1]!, out var value) ? value : a[2] ?? NoneValue.None;
    }

    static DictValue FromKeys(Render r, Value?[] a)
    {
        var dict = new DictValue();
        foreach (var key in Sequences.Iterate(r, a[1]!))
        {
            r.Charge(64);
            r.Scan((key as TextValue)?.Text.Length ?? 0);
            dict.Set(key, a[2] ?? NoneValue.None);
        }
        return dict;
    }

    static Value Index(Render r, Value?[] a)
    {
        Sequences.TryCount(a[0]!, out var count);
        var (from, to) = StringMethods.Range(count, a[2], a[3]);
        for (var i = from; i < to; i++)
            if (Equality.AreEqual(r, Sequences.At(a[0]!, i), a[1]!, 1))
                return i;
        throw TemplateException.Value(a[0] is ListValue { IsTuple: true } ? "tuple.index(x): x not in tuple"
            : $"{Printer.Repr(r, a[1]!)} is not in {(a[0] is RangeValue ? "range" : "list")}");
    }
}
