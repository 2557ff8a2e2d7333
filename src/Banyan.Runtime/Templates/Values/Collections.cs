using System.Numerics;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>A list or a tuple; a template cannot change it.</summary>
sealed class ListValue(IReadOnlyList<Value> items, bool isTuple = false) : Value
{
    public readonly IReadOnlyList<Value> Items = items;
    public readonly bool IsTuple = isTuple;
    public override string TypeName => IsTuple ? "tuple" : "list";
    public override bool IsTrue => Items.Count > 0;
}

/// <summary>A dictionary in insertion order. It is filled before a template can access it and never changes afterwards.</summary>
sealed class DictValue(int capacity = 0) : Value
{
    const int IndexFrom = 9; // below, a linear look-up is faster than hashing

    readonly List<KeyValuePair<Value, Value>> _entries = new(capacity);
    Dictionary<Value, int>? _index;
    public IReadOnlyList<KeyValuePair<Value, Value>> Entries => _entries;
    public override string TypeName => "dict";
    public override bool IsTrue => _entries.Count > 0;

    public void Set(Value key, Value value)
    {
        Equality.RequireHashable(key);
        var at = Find(key);
        if (at >= 0)
        {
            _entries[at] = new(_entries[at].Key, value);
            return;
        }
        _entries.Add(new(key, value));
        if (_index is not null)
            _index.Add(key, _entries.Count - 1);
        else if (_entries.Count == IndexFrom)
        {
            _index = new(Equality.Comparer);
            for (var i = 0; i < _entries.Count; i++)
                _index.Add(_entries[i].Key, i);
        }
    }

    /// <summary>Throws TypeError for a key that cannot be hashed, as Python does.</summary>
    public bool TryGet(Value key, out Value value)
    {
        Equality.RequireHashable(key);
        var at = Find(key);
        value = at >= 0 ? _entries[at].Value : NoneValue.None;
        return at >= 0;
    }

    public bool TryGet(string key, out Value value)
    {
        if (_index is not null)
            return TryGet(new TextValue(key), out value);
        foreach (var entry in _entries)
            if (entry.Key is TextValue text && text.Text == key)
            {
                value = entry.Value;
                return true;
            }
        value = NoneValue.None;
        return false;
    }

    int Find(Value key)
    {
        if (_index is not null)
            return _index.TryGetValue(key, out var at) ? at : -1;
        for (var i = 0; i < _entries.Count; i++)
            if (Equality.Comparer.Equals(_entries[i].Key, key))
                return i;
        return -1;
    }
}

enum DictPart { Keys, Values, Items }

/// <summary>What <c>keys()</c>, <c>values()</c> and <c>items()</c> return: has a length, no index.</summary>
sealed class DictView(DictValue dict, DictPart part) : Value
{
    public readonly DictValue Dict = dict;
    public readonly DictPart Part = part;
    public override string TypeName => Part switch { DictPart.Keys => "dict_keys", DictPart.Values => "dict_values", _ => "dict_items" };
    public override bool IsTrue => Dict.IsTrue;

    public IEnumerable<Value> Items => Part switch
    {
        DictPart.Keys => Dict.Entries.Select(e => e.Key),
        DictPart.Values => Dict.Entries.Select(e => e.Value),
        _ => Dict.Entries.Select(e => (Value)new ListValue([e.Key, e.Value], isTuple: true)),
    };
}

/// <summary><c>range(…)</c>: its numbers are generated on demand.</summary>
sealed class RangeValue(BigInteger start, BigInteger stop, BigInteger step) : Value
{
    public const int MaxItems = 100_000; // Jinja2's sandbox has the same

    public readonly BigInteger Start = start, Stop = stop, Step = step;
    public readonly int Count = Size(start, stop, step);
    public override string TypeName => "range";
    public override bool IsTrue => Count > 0;
    public Value this[int index] => Start + index * Step;

    static int Size(BigInteger start, BigInteger stop, BigInteger step)
    {
        if (step.IsZero)
            throw TemplateException.Value("range() arg 3 must not be zero");
        var size = step.Sign > 0 ? (stop - start + step - 1) / step : (start - stop - step - 1) / -step;
        if (size > MaxItems)
            throw new TemplateException("OverflowError", $"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({MaxItems}).");
        return size.Sign < 0 ? 0 : (int)size;
    }
}

/// <summary>A stream that can be read once, such as <c>map</c> and <c>select</c> return: no length, always true.</summary>
sealed class GeneratorValue(IEnumerable<Value> items, string typeName = "generator") : Value
{
    readonly IEnumerator<Value> _items = items.GetEnumerator();
    public override string TypeName => typeName;

    public IEnumerable<Value> Rest()
    {
        while (_items.MoveNext())
            yield return _items.Current;
    }
}
