namespace Banyan.Evaluation.Statistics;

/// <summary>The verdict of a comparison of two models.</summary>
public enum ComparisonVerdict
{
    /// <summary>A is better than B.</summary>
    Better,

    /// <summary>A is worse than B.</summary>
    Worse,

    /// <summary>A is not shown better, but is not worse than B by the margin or more.</summary>
    NonInferior,

    /// <summary>The items do not decide it.</summary>
    Undecided,
}

/// <summary>Two models on the same items, compared item by item.</summary>
public sealed record PairedComparison
{
    /// <summary>Items compared.</summary>
    public required int Items { get; init; }

    /// <summary>Source problems that the items stem from.</summary>
    public required int Clusters { get; init; }

    /// <summary>The share that A has right.</summary>
    public required double A { get; init; }

    /// <summary>The share that B has right.</summary>
    public required double B { get; init; }

    /// <summary>Items that only A has right.</summary>
    public required int OnlyA { get; init; }

    /// <summary>Items that only B has right.</summary>
    public required int OnlyB { get; init; }

    /// <summary>A − B.</summary>
    public double Difference => A - B;

    /// <summary>
    /// The 95 % interval of A − B: paired bootstrap over clusters, never narrower than the score interval (Tango 1998) for the effective
    /// number of independent items.
    /// </summary>
    public required Interval Interval { get; init; }

    /// <summary>
    /// The exact McNemar p-value; if several items share a source problem, the exact one over source problems
    /// (<see cref="ClusteredMcNemar"/>).
    /// </summary>
    public required double PValue { get; init; }

    /// <summary>The p-value after Holm's correction over the tasks reported together; <see cref="PValue"/> for a single one.</summary>
    public required double AdjustedPValue { get; init; }

    /// <summary>The margin δ of non-inferiority.</summary>
    public required double Margin { get; init; }

    /// <summary>How many times more items are needed because several share a source problem; 1 if none do.</summary>
    public required double DesignEffect { get; init; }

    /// <summary>
    /// Items needed to detect a difference of this size with 80 % power, for the same share of differing items and sizes of source
    /// problems; null if there is no difference.
    /// </summary>
    public int? ItemsNeeded => Difference == 0 ? null
        : (int)Math.Min(int.MaxValue, Math.Ceiling(DesignEffect * Power.ItemsNeeded(Difference, (OnlyA + OnlyB) / (double)Items)));

    /// <summary>
    /// The verdict. Non-inferiority also requires an exact test if items are few, where the interval is an approximation.
    /// </summary>
    public ComparisonVerdict Verdict =>
        AdjustedPValue < 0.05 && Difference > 0 ? ComparisonVerdict.Better
        : AdjustedPValue < 0.05 && Difference < 0 ? ComparisonVerdict.Worse
        : Interval.Low > -Margin && NonInferiority.IsSupported(OnlyA / DesignEffect, OnlyB / DesignEffect, Items / DesignEffect, Margin)
        ? ComparisonVerdict.NonInferior
        : ComparisonVerdict.Undecided;

    /// <summary>Compares outcomes (true: right) of the same items.</summary>
    public static PairedComparison Of(IReadOnlyList<bool> a, IReadOnlyList<bool> b, IReadOnlyList<string> clusters,
        double margin = 0.05, int seed = 1)
    {
        if (a.Count != b.Count || a.Count != clusters.Count || a.Count == 0)
            throw new ArgumentException(
                $"outcomes of the same items are compared: {a.Count}, {b.Count} and {clusters.Count} clusters were given");
        var onlyA = a.Zip(b).Count(p => p.First && !p.Second);
        var onlyB = a.Zip(b).Count(p => !p.First && p.Second);
        var differences = a.Zip(b, (first, second) => (first ? 1 : 0) - (second ? 1 : 0)).ToList();
        var problems = differences.Zip(clusters).GroupBy(pair => pair.Second, pair => pair.First).Select(g => g.Sum()).ToList();
        var p = ClusteredMcNemar.PValue(problems);
        // What never varied has no design effect that could be seen: then a source problem counts as one item.
        var designEffect = problems.Count == a.Count ? 1 : onlyA + onlyB == 0 ? a.Count / (double)problems.Count
            : ClusteredMcNemar.DesignEffect(differences, clusters);
        return new()
        {
            Items = a.Count,
            Clusters = problems.Count,
            DesignEffect = designEffect,
            A = a.Count(x => x) / (double)a.Count,
            B = b.Count(x => x) / (double)b.Count,
            OnlyA = onlyA,
            OnlyB = onlyB,
            Interval = Bootstrap.Interval([.. differences.Select(d => (double)d)], clusters, seed: seed)
                .And(TangoInterval.Of(onlyA / designEffect, onlyB / designEffect, a.Count / designEffect)),
            PValue = p,
            AdjustedPValue = p,
            Margin = margin,
        };
    }
}

/// <summary>The exact test of "A is worse than B by the margin or more", for few items.</summary>
static class NonInferiority
{
    /// <summary>Above this many items the score interval has its nominal coverage, as simulations show.</summary>
    const int Few = 60;

    /// <summary>
    /// Whether that is excluded at 2.5 %: whatever the probability that only A is right, a difference as favourable as observed is rarer.
    /// </summary>
    public static bool IsSupported(double onlyA, double onlyB, double items, double margin)
    {
        var n = (int)Math.Floor(items + 1e-9);
        if (n > Few)
            return true;
        var seen = (int)Math.Floor(onlyA - onlyB + 1e-9);
        for (var step = 0; step <= 40; step++)
        {
            var chanceA = (1 - margin) / 2 * step / 40;
            if (Chance(n, chanceA, chanceA + margin, seen) >= 0.025)
                return false;
        }
        return true;
    }

    /// <summary>The probability that among n items those that only A has right outnumber those that only B has right by at least
    /// <paramref name="least"/>.</summary>
    static double Chance(int n, double onlyA, double onlyB, int least)
    {
        // chances[d + n]: that the difference so far is d.
        var chances = new double[2 * n + 1];
        chances[n] = 1;
        for (var i = 0; i < n; i++)
        {
            var next = new double[chances.Length];
            for (var d = n - i; d <= n + i; d++)
            {
                next[d] += chances[d] * Math.Max(0, 1 - onlyA - onlyB);
                next[d + 1] += chances[d] * onlyA;
                next[d - 1] += chances[d] * onlyB;
            }
            chances = next;
        }
        return chances.Skip(Math.Max(0, least + n)).Sum();
    }
}

/// <summary>The bootstrap over clusters.</summary>
public static class Bootstrap
{
    /// <summary>
    /// The percentile interval of a mean of per-item values with whole clusters resampled with replacement. The same seed gives the same
    /// interval.
    /// </summary>
    public static Interval Interval(IReadOnlyList<double> values, IReadOnlyList<string> clusters, double confidence = 0.95,
        int draws = 10_000, int seed = 1)
    {
        var groups = values.Zip(clusters).GroupBy(p => p.Second).Select(g => (Sum: g.Sum(p => p.First), Count: g.Count())).ToArray();
        var random = new Random(seed);
        var means = new double[draws];
        for (var d = 0; d < draws; d++)
        {
            double sum = 0;
            var count = 0;
            for (var i = 0; i < groups.Length; i++)
            {
                var (groupSum, groupCount) = groups[random.Next(groups.Length)];
                sum += groupSum;
                count += groupCount;
            }
            means[d] = sum / count;
        }
        Array.Sort(means);
        var tail = (1 - confidence) / 2;
        return new(means[(int)Math.Floor(tail * (draws - 1))], means[(int)Math.Ceiling((1 - tail) * (draws - 1))]);
    }
}

/// <summary>Holm's step-down correction.</summary>
public static class Holm
{
    /// <summary>Adjusted p-values, in the order given: they bound the family-wise error rate.</summary>
    public static double[] Adjust(IReadOnlyList<double> pValues)
    {
        var adjusted = new double[pValues.Count];
        var greatest = 0.0;
        foreach (var (index, rank) in Enumerable.Range(0, pValues.Count).OrderBy(i => pValues[i]).Select((index, rank) => (index, rank)))
            adjusted[index] = greatest = Math.Max(greatest, Math.Min(1, pValues[index] * (pValues.Count - rank)));
        return adjusted;
    }
}
