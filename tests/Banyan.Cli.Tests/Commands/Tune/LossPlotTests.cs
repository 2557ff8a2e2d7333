using Banyan.Cli.Commands.Tune;

namespace Banyan.Cli.Tests.Commands.Tune;

public class LossPlotTests
{
    [Fact]
    public void A_falling_loss_falls_from_the_left_above_to_the_right_below()
    {
        var lines = LossPlot.Lines([.. Enumerable.Range(1, 100).Select(i => (i, 5 - i * 0.04))], [(0, 5.0), (100, 1.2)], 100, 60, 10);
        Assert.Equal(10, lines.Count);
        Assert.All(lines, l => Assert.InRange(l.Length, 1, 60));
        Assert.StartsWith("   5.000│●", lines[0]);
        Assert.StartsWith("   1.000│", lines[8]);
        Assert.Contains("held out ●", lines[9]);
        Assert.EndsWith("step 100", lines[9]);
        // The first dot of each line stands farther right than that of the line above.
        var first = lines.Take(9).Select(l => l.Select((c, i) => (c, i)).First(p => p.c is > '\u2800' and <= '\u28FF').i).ToList();
        Assert.Equal(first.Order(), first);
        Assert.Equal(first.Count, first.Distinct().Count());
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 100000)]
    [InlineData(5, 3)]
    public void Anything_fits(int losses, int steps)
    {
        Assert.Empty(LossPlot.Lines([(1, double.NaN)], [], steps, 40, 5));
        var lines =
            LossPlot.Lines([.. Enumerable.Range(1, losses).Select(i => (i, 2.0)), (losses + 1, double.PositiveInfinity)], [], steps, 24, 3);
        Assert.Equal(3, lines.Count);
        Assert.Contains(lines, l => l.Any(c => c is > '\u2800' and <= '\u28FF'));
    }
}
