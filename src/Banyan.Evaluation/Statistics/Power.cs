namespace Banyan.Evaluation.Statistics;

/// <summary>The number of items needed to detect a difference.</summary>
public static class Power
{
    /// <summary>
    /// Items needed for a paired comparison to find <paramref name="difference"/> when the models differ on a share
    /// <paramref name="discordant"/> of the items (Connor 1987): n = (z₁₋α/₂·√ψ + z_power·√(ψ − d²))² / d².
    /// </summary>
    public static int ItemsNeeded(double difference, double discordant, double power = 0.8, double level = 0.05)
    {
        var d = Math.Abs(difference);
        ArgumentOutOfRangeException.ThrowIfZero(d);
        // Where every differing item differs in the same direction the two are equal but for rounding.
        ArgumentOutOfRangeException.ThrowIfLessThan(discordant, d - 1e-9);
        discordant = Math.Max(discordant, d);
        var root = Normal.Quantile(1 - level / 2) * Math.Sqrt(discordant) + Normal.Quantile(power) * Math.Sqrt(discordant - d * d);
        return (int)Math.Min(int.MaxValue, Math.Ceiling(root * root / (d * d)));
    }

    /// <summary>
    /// The share of differing items for scores a and b and a correlation of outcomes: a(1−b) + b(1−a) − 2·ρ·√(a(1−a)b(1−b)).
    /// </summary>
    public static double Discordant(double a, double b, double correlation) =>
        a * (1 - b) + b * (1 - a) - 2 * correlation * Math.Sqrt(a * (1 - a) * b * (1 - b));

    /// <summary>The smallest difference that n items detect with the given power.</summary>
    public static double DetectableDifference(int n, double discordant, double power = 0.8, double level = 0.05)
    {
        double low = 1e-9, high = discordant;
        for (var i = 0; i < 60; i++)
        {
            var middle = (low + high) / 2;
            if (ItemsNeeded(middle, discordant, power, level) > n)
                low = middle;
            else
                high = middle;
        }
        return high;
    }
}

/// <summary>A score out of n items is a multiple of 1/n; a published one that is not was made on other items.</summary>
public static class Granularity
{
    /// <summary>
    /// The numbers of right answers out of n that round to a percentage as published, with the digits it was published with; empty when
    /// impossible.
    /// </summary>
    public static IReadOnlyList<int> RightAnswers(decimal percent, int n)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        var digits = percent.Scale;
        // Half-way cases are rounded both ways by different programs, and some cut instead: all count as possible.
        return [.. Enumerable.Range(0, n + 1).Where(k =>
        {
            var exact = 100m * k / n;
            return Math.Round(exact, digits, MidpointRounding.ToEven) == percent
                || Math.Round(exact, digits, MidpointRounding.AwayFromZero) == percent;
        })];
    }
}
