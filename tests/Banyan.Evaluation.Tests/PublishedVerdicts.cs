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
    [InlineData("LiveCodeBench", 155, 31.4, 34.6, -13.5, 7.2, 7.4, 0, 1)]
    [InlineData("Aider", 133, 73.7, 74.4, -11.2, 9.7, 7.4, 1, 1)]
    [InlineData("C#", 158, 82.9, 81.0, -6.6, 10.4, 6.0, .25, .79)]
    public void Have_these_intervals_and_p_values(string task, int n, double qwen, double gpt, double low, double high, double half,
        double least, double greatest)
    {
        var compared = PublishedComparison.Of(qwen / 100, gpt / 100, n);
        Assert.Equal(low, 100 * compared.Interval.Low, 0.11);
        Assert.Equal(high, 100 * compared.Interval.High, 0.11);
        Assert.Equal(half, 100 * compared.PairedHalfWidth, 0.11);
        var (p, q) = compared.PValues;
        if (task != "LiveCodeBench") // none was derived there
            Assert.True(Math.Abs(p - least) <= 0.01 && Math.Abs(q - greatest) <= 0.011, $"{task}: p between {p:G3} and {q:G3}");
    }

    /// <summary>Scores without variance are still of so many items.</summary>
    [Theory]
    [InlineData(0, 1, 5)]
    [InlineData(1, 1, 5)]
    [InlineData(0, 0, 164)]
    public void Never_have_an_interval_of_no_width(double a, double b, int n)
    {
        var compared = PublishedComparison.Of(a, b, n);
        Assert.InRange(compared.PairedHalfWidth, 0.005, 1);
        Assert.True(compared.Interval.High > compared.Interval.Low);
    }

    /// <summary>
    /// No difference in writing code is shown; not inferior by 5 points on MBPP, MBPP+ and BigCodeBench alone; worse on CRUXEval-O; the
    /// rest has too few items.
    /// </summary>
    [Theory]
    [InlineData("HumanEval", 164, 92.7, 92.1, ComparisonVerdict.Undecided)]
    [InlineData("HumanEval+", 164, 87.2, 86.0, ComparisonVerdict.Undecided)]
    [InlineData("MBPP", 378, 90.2, 86.8, ComparisonVerdict.NonInferior)]
    [InlineData("MBPP+", 378, 75.1, 72.5, ComparisonVerdict.NonInferior)]
    [InlineData("BigCodeBench", 1140, 49.6, 50.1, ComparisonVerdict.NonInferior)]
    [InlineData("BigCodeBench-Hard", 148, 27.0, 25.0, ComparisonVerdict.Undecided)]
    [InlineData("LiveCodeBench", 155, 31.4, 34.6, ComparisonVerdict.Undecided)]
    [InlineData("CRUXEval-I", 800, 75.2, 78.6, ComparisonVerdict.Undecided)]
    [InlineData("CRUXEval-O", 800, 83.4, 89.2, ComparisonVerdict.Worse)]
    [InlineData("Aider", 133, 73.7, 74.4, ComparisonVerdict.Undecided)]
    [InlineData("C#", 158, 82.9, 81.0, ComparisonVerdict.Undecided)]
    public void Support_these_verdicts(string task, int n, double qwen, double gpt, ComparisonVerdict verdict)
    {
        var compared = PublishedComparison.Of(qwen / 100, gpt / 100, n);
        Assert.True(verdict == compared.Verdict, $"{task}: {compared.Verdict}, {compared.Interval}");
        // From the other side the same is said, but for non-inferiority, which has a side.
        var reversed = PublishedComparison.Of(gpt / 100, qwen / 100, n).Verdict;
        Assert.Equal(verdict == ComparisonVerdict.Worse, reversed == ComparisonVerdict.Better);
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
