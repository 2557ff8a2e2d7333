using System.Numerics;
using System.Runtime.CompilerServices;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>Equality, hashing and order as in Python: 1 == 1.0 == True; lists and tuples item by item.</summary>
static class Equality
{
    /// <summary>For dictionary keys, which are scalars or tuples of scalars and therefore need no limits.</summary>
    public static IEqualityComparer<Value> Comparer { get; } = new KeyComparer();

    public static bool AreEqual(Render r, Value a, Value b, int depth = 0)
    {
        r.Step();
        if (ReferenceEquals(a, b))
            return a is not FloatValue { Number: double.NaN } || depth > 0; // identity counts inside a container, as in Python
        switch (a, b)
        {
            case (TextValue x, TextValue y):
                r.Scan(Math.Min(x.Text.Length, y.Text.Length));
                return x.Text == y.Text;
            case (ListValue x, ListValue y):
                if (x.IsTuple != y.IsTuple || x.Items.Count != y.Items.Count)
                    return false;
                r.CheckDepth(depth);
                for (var i = 0; i < x.Items.Count; i++)
                    if (!AreEqual(r, x.Items[i], y.Items[i], depth + 1))
                        return false;
                return true;
            case (DictValue x, DictValue y):
                if (x.Entries.Count != y.Entries.Count)
                    return false;
                r.CheckDepth(depth);
                foreach (var (key, value) in x.Entries)
                    if (!y.TryGet(key, out var other) || !AreEqual(r, value, other, depth + 1))
                        return false;
                return true;
            case (RangeValue x, RangeValue y):
                return x.Count == y.Count && (x.Count == 0 || (x.Start == y.Start && (x.Count == 1 || x.Step == y.Step)));
            case (UndefinedValue, UndefinedValue):
                return true;
            default:
                return Numbers.IsNumber(a) && Numbers.IsNumber(b) && Numbers.Compare(a, b) == 0;
        }
    }

    /// <summary>
    /// Negative, zero or positive; null if a float is NaN. Throws TypeError for values without an order, naming the operator.
    /// </summary>
    public static int? Order(Render r, Value a, Value b, string symbol, int depth = 0)
    {
        r.Step();
        if (a is UndefinedValue u)
            throw u.Error();
        if (b is UndefinedValue v)
            throw v.Error();
        switch (a, b)
        {
            case (TextValue x, TextValue y):
                r.Scan(Math.Min(x.Text.Length, y.Text.Length));
                return CodePoints.Compare(x.Text, y.Text);
            case (ListValue x, ListValue y) when x.IsTuple == y.IsTuple:
                r.CheckDepth(depth);
                for (var i = 0; i < Math.Min(x.Items.Count, y.Items.Count); i++)
                    if (!AreEqual(r, x.Items[i], y.Items[i], depth + 1))
                        return Order(r, x.Items[i], y.Items[i], symbol, depth + 1);
                return x.Items.Count.CompareTo(y.Items.Count);
            default:
                return Numbers.IsNumber(a) && Numbers.IsNumber(b) ? Numbers.Compare(a, b)
                    : throw TemplateException.Type($"'{symbol}' not supported between instances of '{a.TypeName}' and '{b.TypeName}'");
        }
    }

    /// <summary>Throws TypeError for a value that Python cannot hash, and refuses tuples with more than 64 items over all levels.</summary>
    public static void RequireHashable(Value key)
    {
        if (key is TextValue)
            return;
        var items = 64;
        Require(key, ref items);

        static void Require(Value key, ref int items)
        {
            if (key is ListValue { IsTuple: true } tuple)
                foreach (var item in tuple.Items)
                {
                    if (--items < 0)
                        throw TemplateException.Limit("items of a dictionary key", 64);
                    Require(item, ref items);
                }
            else if (key is ListValue or DictValue)
                throw TemplateException.Type($"unhashable type: '{key.TypeName}'");
        }
    }

    sealed class KeyComparer : IEqualityComparer<Value>
    {
        public bool Equals(Value? a, Value? b) => (a, b) switch
        {
            (TextValue x, TextValue y) => x.Text == y.Text,
            (ListValue x, ListValue y) => x.Items.Count == y.Items.Count && x.Items.Zip(y.Items).All(p => Equals(p.First, p.Second)),
            (UndefinedValue, UndefinedValue) => true,
            _ => ReferenceEquals(a, b) || (Numbers.IsNumber(a!) && Numbers.IsNumber(b!) && Numbers.Compare(a!, b!) == 0),
        };

        public int GetHashCode(Value value) => value switch
        {
            TextValue text => text.Text.GetHashCode(),
            BoolValue b => (b.IsTrue ? BigInteger.One : BigInteger.Zero).GetHashCode(),
            IntValue i => i.Number.GetHashCode(),
            FloatValue f => double.IsInteger(f.Number) ? new BigInteger(f.Number).GetHashCode() : f.Number.GetHashCode(),
            ListValue list => list.Items.Aggregate(17, (hash, item) => HashCode.Combine(hash, GetHashCode(item))),
            NoneValue or UndefinedValue => value.TypeName.Length,
            _ => RuntimeHelpers.GetHashCode(value),
        };
    }
}
