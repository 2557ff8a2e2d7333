using System.Numerics;

namespace Banyan.Evaluation.Python;

/// <summary>
/// Python's <c>==</c> and a hash that agrees with it: 1 == 1.0 == True, a list is not a tuple, sets and dictionaries have no order, NaN
/// equals nothing.
/// </summary>
sealed class PythonEquality : IEqualityComparer<PythonValue>
{
    public static readonly PythonEquality Instance = new();

    public bool Equals(PythonValue? x, PythonValue? y) => (x, y) switch
    {
        (PythonNone, PythonNone) => true,
        (PythonString a, PythonString b) => a.Value == b.Value,
        (PythonDigest a, PythonDigest b) => a.Hash == b.Hash,
        (PythonBytes a, PythonBytes b) => a.Value == b.Value,
        (PythonList a, PythonList b) => Items(a.Items, b.Items),
        (PythonTuple a, PythonTuple b) => Items(a.Items, b.Items),
        (PythonSet a, PythonSet b) => new HashSet<PythonValue>(a.Items, this).SetEquals(b.Items),
        (PythonDictionary a, PythonDictionary b) => Entries(a, b),
        _ when Numbers(x, y) is { } equal => equal,
        _ => false,
    };

    public int GetHashCode(PythonValue value) => value switch
    {
        PythonString s => s.Value.GetHashCode(StringComparison.Ordinal),
        PythonTuple t => t.Items.Aggregate(17, (hash, item) => HashCode.Combine(hash, GetHashCode(item))),
        PythonBool b => new BigInteger(b.Value ? 1 : 0).GetHashCode(),
        PythonInt i => i.Value.GetHashCode(),
        PythonFloat f => Whole(f.Value)?.GetHashCode() ?? f.Value.GetHashCode(),
        PythonComplex { Imaginary: 0 } c => GetHashCode(new PythonFloat(c.Real)),
        PythonComplex c => HashCode.Combine(c.Real, c.Imaginary),
        _ => value.GetType().GetHashCode(),
    };

    bool Items(IReadOnlyList<PythonValue> a, IReadOnlyList<PythonValue> b)
    {
        if (a.Count != b.Count)
            return false;
        for (var i = 0; i < a.Count; i++)
            if (!Equals(a[i], b[i]))
                return false;
        return true;
    }

    bool Entries(PythonDictionary a, PythonDictionary b)
    {
        if (a.Entries.Count != b.Entries.Count)
            return false;
        var values = new Dictionary<PythonValue, PythonValue>(this);
        foreach (var (key, value) in a.Entries)
            values[key] = value;
        return b.Entries.All(e => values.TryGetValue(e.Key, out var value) && Equals(value, e.Value));
    }

    static bool? Numbers(PythonValue? x, PythonValue? y)
    {
        if (x is PythonComplex || y is PythonComplex)
            return Complex(x) is var (a, b) && Complex(y) is var (c, d) ? a == c && b == d : null;
        return (Integer(x), Integer(y)) switch
        {
            ({ } a, { } b) => a == b,
            ({ } a, null) when y is PythonFloat f => Whole(f.Value) == a,
            (null, { } b) when x is PythonFloat f => Whole(f.Value) == b,
            _ when (x, y) is (PythonFloat a, PythonFloat b) => a.Value == b.Value,
            _ => null,
        };
    }

    static BigInteger? Integer(PythonValue? value) => value switch
    {
        PythonInt i => i.Value,
        PythonBool b => b.Value ? 1 : 0,
        _ => null,
    };

    static (double, double)? Complex(PythonValue? value) => value switch
    {
        PythonComplex c => (c.Real, c.Imaginary),
        PythonFloat f => (f.Value, 0),
        _ when Integer(value) is { } i => ((double)i, 0),
        _ => null,
    };

    /// <summary>The integer that a float is exactly, if it is one.</summary>
    static BigInteger? Whole(double value) => double.IsFinite(value) && Math.Floor(value) == value ? new BigInteger(value) : null;
}
