namespace Banyan.Evaluation.Statistics;

/// <summary>The names of verdicts in reports.</summary>
public static class VerdictNames
{
    /// <summary><c>better</c>, <c>worse</c>, <c>non-inferior</c> or <c>undecided</c>.</summary>
    public static string Of(ComparisonVerdict verdict) => verdict switch
    {
        ComparisonVerdict.NonInferior => "non-inferior",
        _ => verdict.ToString().ToLowerInvariant(),
    };
}
