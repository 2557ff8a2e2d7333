using Banyan.Evaluation.Statistics;

namespace Banyan.Evaluation.Tests;

public class StatisticsProperties
{
    [Fact]
    public void Pass_at_k_is_the_share_of_draws_with_a_right_answer()
    {
        Assert.Equal(0.5, PassAtK.Estimate(2, 1, 1));
        Assert.Equal(1, PassAtK.Estimate(5, 3, 3));
        Assert.Equal(1 - 3.0 / 10, PassAtK.Estimate(5, 2, 2), 1e-12); // C(3,2)/C(5,2)
        Assert.Equal(0, PassAtK.Estimate(200, 0, 100));
        Assert.Throws<ArgumentOutOfRangeException>(() => PassAtK.Estimate(1, 1, 2));
    }

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(1, 1, 1)]
    [InlineData(0, 6, 0.03125)]
    [InlineData(5, 15, 0.041389)]
    public void McNemar_is_the_binomial_test(int a, int b, double p) => Assert.Equal(p, McNemar.PValue(a, b), 1e-5);

    [Fact]
    public void McNemar_holds_for_thousands() => Assert.InRange(McNemar.PValue(5000, 5200), 0.046, 0.049);

    [Fact]
    public void Normal_quantile_inverts_the_distribution()
    {
        Assert.Equal(1.959963985, Normal.Quantile(0.975), 1e-8);
        Assert.Equal(0.9986501020, Normal.Cumulative(3), 1e-9);
        Assert.Equal(6.2e-16, Normal.Cumulative(-8), 1e-16);
    }

    [Fact]
    public void Holm_keeps_order_and_never_decreases() =>
        Assert.Equal([0.03, 0.06, 0.06, 0.02], Holm.Adjust([0.01, 0.03, 0.04, 0.005]).Select(p => Math.Round(p, 10)));

    [Fact]
    public void Clustering_by_item_is_the_plain_standard_error_and_duplicates_add_nothing()
    {
        double[] values = [1, 0, 1, 1, 0, 0, 1, 0];
        var single = ClusteredMean.Of(values, [.. values.Select((_, i) => $"{i}")]);
        Assert.Equal(Math.Sqrt(0.25 / 7), single.StandardError, 1e-12);
        var doubled = ClusteredMean.Of([.. values, .. values], [.. values.Concat(values).Select((_, i) => $"{i % 8}")]);
        Assert.Equal(single.StandardError, doubled.StandardError, 1e-12);
    }

    /// <summary>
    /// 10,000 simulated evaluations: 158 problems in clusters of 3 languages, with difficulties that differ; the truth must lie in 93 to 97
    /// % of the intervals.
    /// </summary>
    [Fact]
    public void Ninety_five_per_cent_intervals_cover_the_truth()
    {
        const int Evaluations = 10_000, Clusters = 158, Size = 3;
        var random = new Random(20261123);
        var names = Enumerable.Range(0, Clusters * Size).Select(i => $"{i / Size}").ToArray();
        var values = new double[Clusters * Size];
        var covered = 0;
        for (var e = 0; e < Evaluations; e++)
        {
            for (var i = 0; i < Clusters; i++)
            {
                var chance = random.NextDouble(); // a problem's difficulty; the mean, and the truth, is one half
                for (var j = 0; j < Size; j++)
                    values[i * Size + j] = random.NextDouble() < chance ? 1 : 0;
            }
            covered += ClusteredMean.Of(values, names).Interval().Contains(0.5) ? 1 : 0;
        }
        Assert.InRange(covered / (double)Evaluations, 0.93, 0.97);
    }

    [Fact]
    public void Paired_bootstrap_intervals_cover_the_truth()
    {
        const int Evaluations = 10_000, Items = 164;
        var random = new Random(7);
        var names = Enumerable.Range(0, Items).Select(i => $"{i}").ToArray();
        var covered = 0;
        for (var e = 0; e < Evaluations; e++)
        {
            var differences = new double[Items];
            for (var i = 0; i < Items; i++)
                differences[i] = random.NextDouble() is var x && x < 0.15 ? 1 : x < 0.25 ? -1 : 0; // the truth is 0.05
            covered += Bootstrap.Interval(differences, names, draws: 300, seed: e).Contains(0.05) ? 1 : 0;
        }
        Assert.InRange(covered / (double)Evaluations, 0.93, 0.97);
    }

    /// <summary>Intervals of one score and of the difference of two, at the sizes and scores of the published table.</summary>
    [Theory]
    [InlineData(164, 0.927, 0.921)]
    [InlineData(378, 0.751, 0.725)]
    [InlineData(148, 0.27, 0.25)]
    [InlineData(800, 0.834, 0.892)]
    public void Intervals_of_proportions_cover_the_truth(int items, double a, double b)
    {
        const int Evaluations = 10_000;
        var random = new Random(items);
        int Draw(double chance) => Enumerable.Range(0, items).Count(_ => random.NextDouble() < chance);
        int one = 0, difference = 0;
        for (var e = 0; e < Evaluations; e++)
        {
            int rightA = Draw(a), rightB = Draw(b);
            one += Proportions.Wilson(rightA, items).Contains(a) ? 1 : 0;
            difference += Proportions.Newcombe(rightA / (double)items, items, rightB / (double)items, items).Contains(a - b) ? 1 : 0;
        }
        Assert.InRange(one / (double)Evaluations, 0.93, 0.97);
        Assert.InRange(difference / (double)Evaluations, 0.93, 0.97);
    }

    [Fact]
    public void Pass_at_k_has_no_bias()
    {
        // The mean over many draws of 10 answers, each right with chance 0.2, is what 3 answers reach: 1 − 0.8³.
        var random = new Random(3);
        var mean = Enumerable.Range(0, 200_000)
            .Average(_ => PassAtK.Estimate(10, Enumerable.Range(0, 10).Count(_ => random.NextDouble() < 0.2), 3));
        Assert.Equal(1 - Math.Pow(0.8, 3), mean, 0.003);
    }

    /// <summary>Under "equally good" at most 5 in 100 comparisons may say otherwise, also of twelve tasks together.</summary>
    [Fact]
    public void False_alarms_are_as_rare_as_promised()
    {
        const int Families = 2_000, Tasks = 12;
        var random = new Random(11);
        int single = 0, family = 0;
        for (var f = 0; f < Families; f++)
        {
            var p = new double[Tasks];
            for (var t = 0; t < Tasks; t++)
            {
                var onlyA = Enumerable.Range(0, 40).Count(_ => random.Next(2) == 0);
                p[t] = McNemar.PValue(onlyA, 40 - onlyA);
            }
            single += p[0] < 0.05 ? 1 : 0;
            family += Holm.Adjust(p).Any(x => x < 0.05) ? 1 : 0;
        }
        Assert.InRange(single / (double)Families, 0.005, 0.06);
        Assert.InRange(family / (double)Families, 0.001, 0.06);
    }

    [Fact]
    public void Verdicts_follow_from_the_outcomes()
    {
        static bool[] Outcomes(int both, int only, int other, int neither) =>
            [.. Enumerable.Repeat(true, both + only), .. Enumerable.Repeat(false, other + neither)];
        static PairedComparison Compare(int both, int onlyA, int onlyB, int neither)
        {
            var a = Outcomes(both, onlyA, onlyB, neither);
            var b = Enumerable.Repeat(true, both).Concat(Enumerable.Repeat(false, onlyA)).Concat(Enumerable.Repeat(true, onlyB))
                .Concat(Enumerable.Repeat(false, neither)).ToArray();
            return PairedComparison.Of(a, b, [.. a.Select((_, i) => $"{i}")]);
        }
        Assert.Equal(ComparisonVerdict.Better, Compare(60, 20, 4, 40).Verdict);
        Assert.Equal(ComparisonVerdict.Worse, Compare(60, 4, 20, 40).Verdict);
        Assert.Equal(ComparisonVerdict.NonInferior, Compare(300, 10, 9, 60).Verdict);
        // All of a few items: +100 points, and neither better nor not worse.
        foreach (var few in (int[])[1, 2, 3, 4])
            Assert.Equal(ComparisonVerdict.Undecided, Compare(0, few, 0, 0).Verdict);
        Assert.Equal(ComparisonVerdict.Undecided, PublishedComparison.Of(1, 0, 2).Verdict);
        var undecided = Compare(20, 6, 8, 20);
        Assert.Equal(ComparisonVerdict.Undecided, undecided.Verdict);
        Assert.InRange(undecided.ItemsNeeded!.Value, 500, 2500);
    }

    /// <summary>0.222… as two of nine and as the difference of two means are not the same number.</summary>
    [Fact]
    public void Items_that_all_differ_in_one_direction_are_enough_to_say_how_many_are_needed()
    {
        foreach (var items in (int[])[9, 15, 25])
            for (var right = 1; right < items; right++)
            {
                var a = Enumerable.Range(0, items).Select(i => i < right).ToList();
                var compared = PairedComparison.Of(a, [.. a.Select(_ => true)], [.. a.Select((_, i) => $"{i}")]);
                Assert.InRange(compared.ItemsNeeded!.Value, 1, 40_000);
            }
    }
}
