namespace Banyan.Evaluation.Statistics;

/// <summary>The standard normal distribution.</summary>
static class Normal
{
    /// <summary>P(Z ≤ z), to 1e-7 (Abramowitz and Stegun 7.1.26 would give that; this continued fraction and series give 1e-14).</summary>
    public static double Cumulative(double z)
    {
        var x = Math.Abs(z);
        double tail;
        if (x < 3)
        {
            // Φ(x) − ½ = φ(x)·(x + x³/3 + x⁵/15 + …)
            double term = x, sum = x;
            for (var k = 3; term > 1e-17; k += 2)
                sum += term *= x * x / k;
            tail = 0.5 - Density(x) * sum;
        }
        else
        {
            var fraction = 0.0;
            for (var k = 60; k > 0; k--)
                fraction = k / (x + fraction);
            tail = Density(x) / (x + fraction);
        }
        return z > 0 ? 1 - tail : tail;
    }

    /// <summary>The z for which <see cref="Cumulative"/> is p, by bisection: accurate enough, and obviously correct.</summary>
    public static double Quantile(double p)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(p, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(p, 1);
        double low = -40, high = 40;
        for (var i = 0; i < 100; i++)
        {
            var middle = (low + high) / 2;
            if (Cumulative(middle) < p)
                low = middle;
            else
                high = middle;
        }
        return (low + high) / 2;
    }

    static double Density(double x) => Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
}
