namespace Banyan.Evaluation.Statistics;

/// <summary>
/// McNemar's test for items correlated within source problems (the lines of one function, a problem and its perturbed twins): two models
/// tend to differ on all of them or on none, and treating each as independent gives too many false positives. Here each source problem is
/// one unit: under the null hypothesis the models may be exchanged within a problem, which flips the sign of its difference. The
/// distribution of the sum over all 2ᵐ choices of signs is computed exactly, by convolution: differences are integers, so there are few
/// sums. With one item per problem it is the exact McNemar test. (Rosner, Glynn &amp; Lee 2006, Biometrics 62:185; Canay, Romano &amp;
/// Shaikh 2017, Econometrica 85:1013.)
/// </summary>
public static class ClusteredMcNemar
{
    /// <summary>
    /// The two-sided p-value of a difference for each source problem: items that only A has right minus those that only B has right.
    /// </summary>
    public static double PValue(IEnumerable<int> differences)
    {
        var sizes = differences.Where(d => d != 0).ToList();
        if (sizes.All(d => Math.Abs(d) == 1))
            return McNemar.PValue(sizes.Count(d => d > 0), sizes.Count(d => d < 0));
        var reach = sizes.Sum(Math.Abs);
        // chance[s + reach]: that the signed sum of the problems so far is s.
        var chance = new double[2 * reach + 1];
        chance[reach] = 1;
        var extent = 0;
        foreach (var size in sizes.Select(Math.Abs))
        {
            var next = new double[chance.Length];
            for (var s = reach - extent; s <= reach + extent; s++)
            {
                next[s - size] += chance[s] / 2;
                next[s + size] += chance[s] / 2;
            }
            (chance, extent) = (next, extent + size);
        }
        var seen = Math.Abs(sizes.Sum());
        return Math.Min(1, Enumerable.Range(0, chance.Length).Where(s => Math.Abs(s - reach) >= seen).Sum(s => chance[s]));
    }

    /// <summary>
    /// How many times more items a comparison needs because they are correlated: the variance of the mean difference by source problems
    /// over that by items (Kish's design effect); 1 if that is less.
    /// </summary>
    public static double DesignEffect(IReadOnlyList<int> differences, IReadOnlyList<string> clusters)
    {
        var mean = differences.Average();
        var alone = differences.Sum(d => (d - mean) * (d - mean));
        var together = differences.Zip(clusters).GroupBy(p => p.Second, p => p.First - mean).Sum(g => g.Sum() * g.Sum());
        return alone > 0 ? Math.Max(1, together / alone) : 1;
    }
}
