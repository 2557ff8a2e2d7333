namespace Banyan.Evaluation.Contamination;

/// <summary>A definition of "this document contains that item", as used in the field.</summary>
public enum ContaminationMethod
{
    /// <summary>13 words in a row of statement and solution (GPT-3, Brown et al. 2020; lm-evaluation-harness).</summary>
    Words13,

    /// <summary>10 words in a row (Qwen2.5-Coder, DeepSeek-Coder).</summary>
    Words10,

    /// <summary>
    /// At least 70 % of the solution's sequences of 8 code tokens, names aside, within a window of twice its length: a copy with renamed
    /// variables counts, whatever surrounds it. Solutions with fewer than 12 such sequences are too short to decide.
    /// </summary>
    NearDuplicate,
}

/// <summary>The methods' names and numbers.</summary>
public static class ContaminationMethods
{
    internal const int LeastCodeGrams = 12;
    internal const double LeastCodeShare = 0.7;

    internal static IReadOnlyList<ContaminationMethod> All { get; } = Enum.GetValues<ContaminationMethod>();

    /// <summary>The name used in reports.</summary>
    public static string Name(this ContaminationMethod method) => method switch
    {
        ContaminationMethod.Words13 => "13 words",
        ContaminationMethod.Words10 => "10 words",
        _ => "near-duplicate",
    };
}
