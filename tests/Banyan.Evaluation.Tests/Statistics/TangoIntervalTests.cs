using Banyan.Evaluation.Statistics;

namespace Banyan.Evaluation.Tests.Statistics;

public sealed class TangoIntervalTests
{
    [Theory]
    [InlineData(5)]
    [InlineData(40)]
    [InlineData(800)]
    public void Of_models_that_agree_on_all_items_it_is_as_wide_as_the_items_are_few(int n)
    {
        const double Z2 = 1.959963984540054 * 1.959963984540054;
        var interval = TangoInterval.Of(0, 0, n);
        Assert.Equal(-Z2 / (n + Z2), interval.Low, 1e-9);
        Assert.Equal(Z2 / (n + Z2), interval.High, 1e-9);
    }

    /// <summary>The chance in closed form is the one that a plain search of the likelihood finds.</summary>
    [Theory]
    [InlineData(3, 9, 54, -0.3)]
    [InlineData(3, 9, 54, 0.1)]
    [InlineData(0, 7, 40, -0.05)]
    [InlineData(12, 0, 164, 0.02)]
    public void The_likeliest_chance_is_that_of_a_plain_search(int onlyA, int onlyB, int n, double difference)
    {
        double Likelihood(double b) => Term(onlyB, b) + Term(onlyA, b + difference) + Term(n - onlyA - onlyB, 1 - 2 * b - difference);
        static double Term(int count, double chance) => chance < 0 ? double.NegativeInfinity : count == 0 ? 0 : count * Math.Log(chance);
        var best = Enumerable.Range(0, 200_001).Select(i => i / 200_000.0).MaxBy(Likelihood);
        Assert.Equal(best, TangoInterval.LikeliestOnlyB(onlyA, onlyB, n, difference), 1e-5);
    }

    [Fact]
    public void Models_exchanged_turn_it_round()
    {
        var (one, other) = (TangoInterval.Of(12, 3, 80), TangoInterval.Of(3, 12, 80));
        Assert.Equal(one.Low, -other.High, 1e-9);
        Assert.Equal(one.High, -other.Low, 1e-9);
    }

    /// <summary>Also where few items differ, the bootstrap's weakness.</summary>
    [Theory]
    [InlineData(164, 0.15, 0.10)]
    [InlineData(40, 0.06, 0.03)]
    [InlineData(80, 0.02, 0.02)]
    public void It_covers_the_truth(int n, double onlyA, double onlyB)
    {
        // Every outcome with its probability, not draws: the coverage is exact.
        var covered = 0.0;
        for (var a = 0; a <= n; a++)
            for (var b = 0; a + b <= n; b++)
                if (Chance(a, b) is > 1e-12 and var chance && TangoInterval.Of(a, b, n).Contains(onlyA - onlyB))
                    covered += chance;
        Assert.InRange(covered, 0.93, 0.985);

        double Chance(int a, int b) => Math.Exp(LogFactorial(n) - LogFactorial(a) - LogFactorial(b) - LogFactorial(n - a - b)
            + a * Math.Log(onlyA) + b * Math.Log(onlyB) + (n - a - b) * Math.Log(1 - onlyA - onlyB));
    }

    static double LogFactorial(int n) => Enumerable.Range(1, n).Sum(i => Math.Log(i));

    [Fact]
    public void Five_items_that_agree_do_not_show_that_nothing_is_lost()
    {
        static PairedComparison Agreeing(int items, int perProblem) =>
            PairedComparison.Of([.. Enumerable.Repeat(true, items)], [.. Enumerable.Repeat(true, items)],
                [.. Enumerable.Range(0, items).Select(i => $"{i / perProblem}")]);
        Assert.Equal(ComparisonVerdict.Undecided, Agreeing(5, 1).Verdict);
        Assert.Equal(ComparisonVerdict.NonInferior, Agreeing(100, 1).Verdict);
        Assert.Equal(ComparisonVerdict.Undecided, Agreeing(100, 4).Verdict); // 25 problems, asked four times each
    }
}
