namespace Banyan.Training.Tests;

/// <summary>What is said of a run's time before it starts, from times that were measured once: no clock decides here.</summary>
public class RunTimeTests
{
    // The milliseconds of the first sequences of runs on sprout's shape (Zen 5, two threads, others at work), of which the last steps took
    // the seconds behind them; the update of one step.
    [Theory]
    [InlineData("175 34 31 31 30 39 61 38 33 28 33 29 22 15 15 16 16 15 17 20 25 27 30 24 27 16 18 27 27 25 15 15 16 15 15 17 18 15 15 22",
        200, 0.0036, 3.6)]
    [InlineData("292 206 159 167 158 127 128 109 113 91 94 94 102 130 95 88 99 94 92 91 92 89 90 104 91 91", 200, 0.0128, 20.0)]
    [InlineData("713 498 255 214 206 181 192 205 201 289 287 245", 120, 0.084, 31.1)]
    public void A_probe_says_what_the_steps_take_within_15_percent(string milliseconds, int sequences, double update, double took)
    {
        (double, double)[] done =
            [.. milliseconds.Split(' ').Select(t => (1.0, double.Parse(t, System.Globalization.CultureInfo.InvariantCulture) / 1000))];
        var steps = sequences / (took > 30 ? 4 : 2);
        var said = new RunCosts(RunCosts.PerUnit(done), 0, update, 0).Of(new(steps, sequences, 0, 0)).TotalSeconds;
        Assert.InRange(said / took, 0.85, 1.15);
    }

    [Fact]
    public void Every_part_counts()
    {
        var costs = new RunCosts(2, 3, 5, 7);
        Assert.Equal(TimeSpan.FromSeconds(2 * 11 + 3 * 13 + 5 * 17 + 7 * 19), costs.Of(new(17, 11, 13, 19)));
        Assert.Equal(4, RunCosts.PerUnit([(1, 90), (2, 60), (2, 8), (4, 16), (1, 99)]));
        Assert.Equal(5, RunCosts.PerUnit([(1, 5)]));
        Assert.Equal(0, RunCosts.PerUnit([]));
    }

    [Fact]
    public void What_follows_every_nth_and_the_last_step_is_counted()
    {
        foreach (var (steps, every) in from steps in new[] { 1, 7, 50, 101 }
                                       from every in new[] { 0, 1, 2, 7, 50,
            200 }
                                       select (steps, every))
            for (var step = 0; step <= steps; step++)
                Assert.Equal(Enumerable.Range(step + 1, steps - step).Count(s => s == steps || every > 0 && s % every == 0),
                    WorkLeft.Times(step, steps, every));
    }
}
