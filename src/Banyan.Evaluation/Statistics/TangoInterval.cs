namespace Banyan.Evaluation.Statistics;

/// <summary>
/// The score interval of the difference of two paired proportions (Tango 1998, Statistics in Medicine 17:891): all differences that a score
/// test does not reject. If two models agree on all of n items it is ±z²/(n + z²), while a bootstrap, which only resamples observations,
/// shrinks to a point and would accept five items as proof of no loss.
/// </summary>
static class TangoInterval
{
    /// <summary>The interval of A − B if only A is right on <paramref name="onlyA"/> of <paramref name="n"/> independent items and only B
    /// on
    /// <paramref name="onlyB"/>; fractions come from a design effect.</summary>
    public static Interval Of(double onlyA, double onlyB, double n, double confidence = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(onlyA + onlyB, n * (1 + 1e-9));
        var z = Normal.Quantile(1 - (1 - confidence) / 2);
        var seen = (onlyA - onlyB) / n;
        // The score falls as the difference supposed grows: z at the lower end, −z at the upper one.
        return new(Crossing(z, -1, seen), Crossing(-z, seen, 1));

        double Crossing(double level, double low, double high)
        {
            for (var i = 0; i < 60; i++)
            {
                var middle = (low + high) / 2;
                if (Score(onlyA, onlyB, n, middle) > level)
                    low = middle;
                else
                    high = middle;
            }
            return (low + high) / 2;
        }
    }

    /// <summary>How many standard errors the observed difference is above <paramref name="difference"/>, with the standard error of the
    /// likeliest
    /// probabilities under this difference.</summary>
    internal static double Score(double onlyA, double onlyB, double n, double difference)
    {
        var distance = onlyA - onlyB - n * difference;
        var chance = LikeliestOnlyB(onlyA, onlyB, n, difference);
        var variance = n * (2 * chance + difference * (1 - difference));
        return distance == 0 ? 0 : variance > 0 ? distance / Math.Sqrt(variance) : Math.CopySign(double.PositiveInfinity, distance);
    }

    /// <summary>The maximum-likelihood probability that only B is right, given that the probability that only A is right is larger by
    /// <paramref name="difference"/>.</summary>
    internal static double LikeliestOnlyB(double onlyA, double onlyB, double n, double difference)
    {
        var b = (2 * n - onlyA + onlyB) * difference - onlyA - onlyB;
        var c = -onlyB * difference * (1 - difference);
        return (Math.Sqrt(Math.Max(0, b * b - 8 * n * c)) - b) / (4 * n);
    }
}
