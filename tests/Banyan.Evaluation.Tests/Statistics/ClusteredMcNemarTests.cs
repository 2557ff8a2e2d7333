using Banyan.Evaluation.Statistics;

namespace Banyan.Evaluation.Tests.Statistics;

public class ClusteredMcNemarTests
{
    [Fact]
    public void Is_the_share_of_all_choices_of_signs_that_reach_as_far()
    {
        var random = new Random(5);
        for (var round = 0; round < 200; round++)
        {
            var differences = Enumerable.Range(0, random.Next(0, 12)).Select(_ => random.Next(-6, 7)).ToArray();
            var seen = Math.Abs(differences.Sum());
            var reached = Enumerable.Range(0, 1 << differences.Length)
                .Count(signs => Math.Abs(differences.Select((d, i) => (signs >> i & 1) == 0 ? d : -d).Sum()) >= seen);
            Assert.Equal(reached / Math.Pow(2, differences.Length), ClusteredMcNemar.PValue(differences), 1e-12);
        }
    }

    [Fact]
    public void With_one_item_a_problem_is_McNemars()
    {
        for (var onlyA = 0; onlyA < 30; onlyA++)
            for (var onlyB = 0; onlyB < 30; onlyB++)
                Assert.Equal(McNemar.PValue(onlyA, onlyB),
                    ClusteredMcNemar.PValue([.. Enumerable.Repeat(1, onlyA), .. Enumerable.Repeat(-1, onlyB), 0, 0]));
    }

    [Fact]
    public void Asking_every_item_twice_shows_nothing_more()
    {
        int[] differences = [1, 1, 1, -1, 1, 1, 0, 1, 1];
        Assert.Equal(ClusteredMcNemar.PValue(differences), ClusteredMcNemar.PValue(differences.Select(d => 2 * d)), 1e-12);
        Assert.True(McNemar.PValue(14, 2) < 0.01 && ClusteredMcNemar.PValue(differences.Select(d => 2 * d)) > 0.05);
    }

    [Fact]
    public void Holds_for_thousands_of_items_in_large_problems()
    {
        var random = new Random(8);
        var differences = Enumerable.Range(0, 1640).Select(_ => random.Next(-20, 21)).ToArray();
        // The sum is nearly normal, with the sum of squares for its variance.
        var z = Math.Abs(differences.Sum()) / Math.Sqrt(differences.Sum(d => (double)d * d));
        Assert.Equal(2 * (1 - Normal.Cumulative(z)), ClusteredMcNemar.PValue(differences), 0.002);
    }

    /// <summary>
    /// 164 functions with 1 to 11 gaps each, as in infilling: two equally good models differ on a function as a whole more than gap by gap.
    /// Of 2,000 comparisons at most 5 in 100 may say otherwise; the test over items says so more than three times as often.
    /// </summary>
    [Fact]
    public void Makes_no_more_false_alarms_than_promised_where_items_go_together()
    {
        const int Comparisons = 2_000;
        var random = new Random(20261126);
        int clustered = 0, plain = 0;
        for (var c = 0; c < Comparisons; c++)
        {
            var clusters = new List<string>();
            List<bool> a = [], b = [];
            for (var function = 0; function < 164; function++)
            {
                // Each model knows the function or not; a gap of what it knows comes out right with 9 in 10, of what it does not with 3 in
                // 10.
                double knowsA = random.Next(2) == 0 ? 0.9 : 0.3, knowsB = random.Next(2) == 0 ? 0.9 : 0.3;
                for (var gap = random.Next(1, 12); gap > 0; gap--)
                {
                    clusters.Add($"{function}");
                    a.Add(random.NextDouble() < knowsA);
                    b.Add(random.NextDouble() < knowsB);
                }
            }
            var differences = a.Zip(b, (x, y) => (x ? 1 : 0) - (y ? 1 : 0)).ToList();
            clustered += ClusteredMcNemar.PValue(differences.Zip(clusters).GroupBy(p => p.Second, p => p.First).Select(g => g.Sum())) < 0.05
                ? 1 : 0;
            plain += McNemar.PValue(differences.Count(d => d > 0), differences.Count(d => d < 0)) < 0.05 ? 1 : 0;
        }
        Assert.InRange(clustered / (double)Comparisons, 0.03, 0.062); // 3 standard errors of 2,000
        Assert.InRange(plain / (double)Comparisons, 0.15, 1);
    }

    [Fact]
    public void Comparisons_of_items_that_go_together_use_it()
    {
        bool[] a = [.. Enumerable.Repeat(true, 12), .. Enumerable.Repeat(false, 12)], b = new bool[24];
        var alone = PairedComparison.Of(a, b, [.. a.Select((_, i) => $"{i}")]);
        Assert.Equal((24, 1.0, ComparisonVerdict.Better), (alone.Clusters, alone.DesignEffect, alone.Verdict));
        Assert.Equal(McNemar.PValue(12, 0), alone.PValue);
        var together = PairedComparison.Of(a, b, [.. a.Select((_, i) => $"{i / 6}")]);
        Assert.Equal(4, together.Clusters);
        Assert.Equal(0.5, together.PValue, 1e-12); // two problems that differ, both to the same side
        Assert.Equal(6, together.DesignEffect, 1e-12);
        Assert.Equal(6.0, together.ItemsNeeded!.Value / (double)alone.ItemsNeeded!.Value, 0.2);
        Assert.NotEqual(ComparisonVerdict.Better, together.Verdict);
    }
}
