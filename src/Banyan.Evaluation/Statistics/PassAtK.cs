namespace Banyan.Evaluation.Statistics;

/// <summary>Unbiased pass@k (Chen et al. 2021, arXiv 2107.03374): 1 − C(n−c, k) / C(n, k), as a product that does not overflow.</summary>
public static class PassAtK
{
    /// <summary>The probability that at least one of k answers drawn from n, of which c are right, is right.</summary>
    public static double Estimate(int n, int c, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, n);
        ArgumentOutOfRangeException.ThrowIfNegative(c);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(c, n);
        var allWrong = 1.0;
        for (var i = 0; i < k; i++)
            allWrong *= Math.Max(0, n - c - i) / (double)(n - i);
        return 1 - allWrong;
    }
}
