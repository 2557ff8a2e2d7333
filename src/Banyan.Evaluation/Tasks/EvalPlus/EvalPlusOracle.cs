using Banyan.Evaluation.Python;

namespace Banyan.Evaluation.Tasks.EvalPlus;

/// <summary>
/// What counts as the right result of a call: the canonical solution's, equal as Python's <c>==</c> or within a tolerance, except for the
/// problems with several right results. Which those are is a fact of the data sets.
/// </summary>
static class EvalPlusOracle
{
    /// <summary>Problems whose result is a collection in any order.</summary>
    static readonly HashSet<string> s_sets =
        ["similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum", "intersection_array",
            "find_dissimilar", "Diff"];

    /// <summary>Problems that accept any truthy value for true, and None for false.</summary>
    static readonly HashSet<string> s_anythingButNone = ["check_str", "text_match_three", "text_starta_endb"];

    /// <summary>The function's name in the data set.</summary>
    static string Entry(EvalPlusItem item) => (item.Original ?? item).Entry;

    /// <summary>
    /// Whether results are compared as sets; the published scores of MBPP+ 0.1.0 compared them with their order and type (twins have none).
    /// </summary>
    public static bool IsSet(EvalPlusItem item, bool asPublished) =>
        item.IsMbpp && (!asPublished || item.Original is not null) && s_sets.Contains(Entry(item));

    /// <summary>Whether <paramref name="actual"/> is a right result of the call with <paramref name="input"/>.</summary>
    public static bool IsRight(EvalPlusItem item, PythonValue input, PythonValue actual, PythonValue expected)
    {
        if (!item.IsMbpp && Entry(item) == "find_zero")
            return IsRoot(input, actual, item.Tolerance);
        var equal = PythonEquality.Instance.Equals(actual, expected);
        if (item.IsMbpp)
        {
            if (Entry(item) == "are_equivalent")
                return true; // the statement does not determine the result
            if (Entry(item) == "sum_div" && PythonEquality.Instance.Equals(actual, new PythonInt(0)))
                return true;
            if (s_anythingButNone.Contains(Entry(item)))
                return (actual is PythonBool b ? b.Value : actual is not PythonNone)
                    == (expected is PythonBool e ? e.Value : expected is not PythonNone);
        }
        if (equal)
            return true;
        var tolerance = item.Tolerance == 0 && PythonTolerance.IsFloating(expected) ? 1e-6 : item.Tolerance;
        return tolerance != 0 && actual.GetType() == expected.GetType() && PythonTolerance.Close(actual, expected, tolerance);
    }

    /// <summary>HumanEval/32: any root of the polynomial whose coefficients were given, lowest power first.</summary>
    static bool IsRoot(PythonValue input, PythonValue actual, double tolerance)
    {
        if (Number(actual) is not { } x || (input as PythonList)?.Items[0] is not PythonList coefficients)
            return false;
        var sum = 0.0;
        for (var power = 0; power < coefficients.Items.Count; power++)
            sum += (Number(coefficients.Items[power]) ?? double.NaN) * Math.Pow(x, power);
        return Math.Abs(sum) <= tolerance;
    }

    static double? Number(PythonValue value) => value switch
    {
        PythonFloat f => f.Value,
        PythonInt i => (double)i.Value,
        PythonBool b => b.Value ? 1 : 0,
        _ => null,
    };
}
