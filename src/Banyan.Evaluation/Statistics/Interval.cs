namespace Banyan.Evaluation.Statistics;

/// <summary>A confidence interval.</summary>
public readonly record struct Interval(double Low, double High)
{
    /// <summary>Whether it contains a value, ends included.</summary>
    public bool Contains(double value) => Low <= value && value <= High;

    /// <summary>The smallest interval that contains both.</summary>
    public Interval And(Interval other) => new(Math.Min(Low, other.Low), Math.Max(High, other.High));
}

/// <summary>Intervals of proportions and their differences.</summary>
public static class Proportions
{
    /// <summary>Wilson's score interval of <paramref name="right"/> of <paramref name="n"/> independent items.</summary>
    public static Interval Wilson(int right, int n, double confidence = 0.95) => Wilson((double)right, n, confidence);

    /// <summary>The same for items that may be partly right: the mean of their answers.</summary>
    internal static Interval Wilson(double right, int n, double confidence = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        var z = Normal.Quantile(1 - (1 - confidence) / 2);
        double p = right / n, z2 = z * z / n, centre = (p + z2 / 2) / (1 + z2);
        var half = z / (1 + z2) * Math.Sqrt(p * (1 - p) / n + z2 / (4 * n));
        return new(centre - half, centre + half);
    }

    /// <summary>
    /// Newcombe's interval (1998, method 10) of a − b, two independent proportions: what two published scores alone support.
    /// </summary>
    public static Interval Newcombe(double a, int nA, double b, int nB, double confidence = 0.95)
    {
        Interval A = Wilson((int)Math.Round(a * nA), nA, confidence), B = Wilson((int)Math.Round(b * nB), nB, confidence);
        static double Square(double x) => x * x;
        return new(a - b - Math.Sqrt(Square(a - A.Low) + Square(B.High - b)), a - b + Math.Sqrt(Square(A.High - a) + Square(b - B.Low)));
    }

    /// <summary>
    /// Half the width of the 95 % interval of a paired difference of two published scores, assuming a correlation of the two models'
    /// outcomes of
    /// <paramref name="correlation"/>, which published scores do not reveal.
    /// </summary>
    public static double PairedHalfWidth(double a, double b, int n, double correlation, double confidence = 0.95)
    {
        double varianceA = a * (1 - a), varianceB = b * (1 - b);
        return Normal.Quantile(1 - (1 - confidence) / 2)
            * Math.Sqrt((varianceA + varianceB - 2 * correlation * Math.Sqrt(varianceA * varianceB)) / n);
    }
}
