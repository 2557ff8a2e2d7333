namespace Banyan.Evaluation.Statistics;

/// <summary>
/// The exact McNemar test: only items on which two models differ count; under the null hypothesis each favours either side with equal
/// probability.
/// </summary>
public static class McNemar
{
    /// <summary>The two-sided p-value if only A is right on <paramref name="onlyA"/> items and only B on
    /// <paramref name="onlyB"/>.</summary>
    public static double PValue(int onlyA, int onlyB)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(onlyA);
        ArgumentOutOfRangeException.ThrowIfNegative(onlyB);
        var n = onlyA + onlyB;
        var few = Math.Min(onlyA, onlyB);
        // Σ C(n, i)/2ⁿ for i ≤ few, in logarithms: n may be thousands.
        double logTerm = -n * Math.Log(2), sum = 0;
        for (var i = 0; i <= few; i++)
        {
            sum += Math.Exp(logTerm);
            logTerm += Math.Log(n - i) - Math.Log(i + 1);
        }
        return Math.Min(1, 2 * sum);
    }

    /// <summary>The smallest and largest p-value of all outcomes consistent with two published numbers of right answers out of n.</summary>
    public static (double Least, double Greatest) PValuesFromMargins(int rightA, int rightB, int n)
    {
        double least = 1, greatest = 0;
        for (var both = Math.Max(0, rightA + rightB - n); both <= Math.Min(rightA, rightB); both++)
        {
            var p = PValue(rightA - both, rightB - both);
            least = Math.Min(least, p);
            greatest = Math.Max(greatest, p);
        }
        return (least, greatest);
    }
}
