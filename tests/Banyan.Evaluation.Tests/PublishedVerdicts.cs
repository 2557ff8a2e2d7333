using Banyan.Evaluation.Statistics;

namespace Banyan.Evaluation.Tests;

/// <summary>What the published table of Qwen2.5-Coder-32B and GPT-4o (arXiv 2409.12186v3) supports.</summary>
public class PublishedVerdicts
{
    [Theory]
    [InlineData("HumanEval", 164, 92.7, 92.1, -5.4, 6.6, 4.1, 1, 1)]
    [InlineData("HumanEval+", 164, 87.2, 86.0, -6.3, 8.7, 5.2, .50, .88)]
    [InlineData("MBPP", 378, 90.2, 86.8, -1.1, 8.0, 3.2, .0002, .20)]
    [InlineData("MBPP+", 378, 75.1, 72.5, -3.6, 8.9, 4.4, .002, .52)]
    [InlineData("BigCodeBench", 1140, 49.6, 50.1, -4.6, 3.6, 2.9, .03, .88)]
    [InlineData("BigCodeBench-Hard", 148, 27.0, 25.0, -7.9, 11.9, 7.1, .25, .82)]
    [InlineData("CRUXEval-I", 800, 75.2, 78.6, -7.5, 0.8, 2.9, 0, .18)]
    [InlineData("CRUXEval-O", 800, 83.4, 89.2, -9.2, -2.5, 2.4, 0, .002)]
    [InlineData("C#", 158, 82.9, 81.0, -6.6, 10.4, 6.0, .25, .79)]
    public void Have_these_intervals_and_p_values(string task, int n, double qwen, double gpt, double low, double high, double half, double least, double greatest)
    {
        int rightQwen = (int)Math.Round(qwen * n / 100), rightGpt = (int)Math.Round(gpt * n / 100);
        double a = rightQwen / (double)n, b = rightGpt / (double)n;
        var interval = Proportions.Newcombe(a, n, b, n);
        Assert.Equal(low, 100 * interval.Low, 0.11);
        Assert.Equal(high, 100 * interval.High, 0.11);
        Assert.Equal(half, 100 * Proportions.PairedHalfWidth(a, b, n, 0.5), 0.11);
        var (p, q) = McNemar.PValuesFromMargins(rightQwen, rightGpt, n);
        Assert.True(Math.Abs(p - least) <= 0.01 && Math.Abs(q - greatest) <= 0.011, $"{task}: p between {p:G3} and {q:G3}");
    }

    /// <summary>With outcomes correlated by one half, as measured between models: non-inferior on MBPP, MBPP+ and BigCodeBench, worse on CRUXEval-O, the rest tells nothing.</summary>
    [Theory]
    [InlineData(378, 90.2, 86.8, "non-inferior")]
    [InlineData(378, 75.1, 72.5, "non-inferior")]
    [InlineData(1140, 49.6, 50.1, "non-inferior")]
    [InlineData(800, 83.4, 89.2, "worse")]
    [InlineData(148, 27.0, 25.0, "undecided")]
    [InlineData(158, 82.9, 81.0, "non-inferior or undecided")]
    [InlineData(155, 31.4, 34.6, "undecided")]
    [InlineData(133, 73.7, 74.4, "undecided")]
    public void Support_these_verdicts(int n, double qwen, double gpt, string verdict)
    {
        var half = Proportions.PairedHalfWidth(qwen / 100, gpt / 100, n, 0.5);
        var difference = (qwen - gpt) / 100;
        var actual = difference + half < 0 ? "worse" : difference - half > -0.05 ? "non-inferior" : "undecided";
        Assert.Contains(actual, verdict);
    }

    [Fact]
    public void Three_points_at_LiveCodeBench_need_about_1900_items()
    {
        var needed = Power.ItemsNeeded(0.03, Power.Discordant(0.314, 0.344, 0.5));
        Assert.InRange(needed, 1800, 2000);
        Assert.Equal(0.03, Power.DetectableDifference(needed, Power.Discordant(0.314, 0.344, 0.5)), 1e-4);
    }

    [Fact]
    public void Granularity_tells_impossible_scores()
    {
        Assert.Equal([72], Granularity.RightAnswers(43.9m, 164));
        Assert.Empty(Granularity.RightAnswers(56.8m, 133)); // Aider pass@1 of GPT-4o
        Assert.Equal([276], Granularity.RightAnswers(69.2m, 399));
        Assert.Empty(Granularity.RightAnswers(69.2m, 150)); // 103 are 68.7, 104 are 69.3
    }
}
