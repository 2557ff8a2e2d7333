namespace Banyan.Evaluation.Python;

/// <summary>
/// Equality of floating-point results as EvalPlus (and NumPy's allclose) means it: |a − e| ≤ absolute + relative·|e|, element by element.
/// </summary>
static class PythonTolerance
{
    const double Relative = 1e-7;

    /// <summary>Whether an expected value asks for tolerance by itself: a float, or a list or tuple of nothing but floats.</summary>
    public static bool IsFloating(PythonValue expected) => expected switch
    {
        PythonFloat => true,
        PythonList list => list.Items.All(i => i is PythonFloat),
        PythonTuple tuple => tuple.Items.All(i => i is PythonFloat),
        _ => false,
    };

    /// <summary>Whether numbers, or lists and tuples of them nested alike, are close; anything else is not.</summary>
    public static bool Close(PythonValue actual, PythonValue expected, double absolute) => (Items(actual), Items(expected)) switch
    {
        ({ } a, { } e) => a.Count == e.Count && a.Zip(e).All(pair => Close(pair.First, pair.Second, absolute)),
        (null, null) => Number(actual) is { } a && Number(expected) is { } e
            && (a == e || Math.Abs(a - e) <= absolute + Relative * Math.Abs(e)),
        _ => false,
    };

    static IReadOnlyList<PythonValue>? Items(PythonValue value) => (value as PythonList)?.Items ?? (value as PythonTuple)?.Items;

    static double? Number(PythonValue value) => value switch
    {
        PythonFloat f => f.Value,
        PythonInt i => (double)i.Value,
        PythonBool b => b.Value ? 1 : 0,
        _ => null,
    };
}
