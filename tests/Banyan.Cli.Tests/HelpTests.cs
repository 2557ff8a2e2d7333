namespace Banyan.Cli.Tests;

public class HelpTests
{
    [Fact]
    public async Task A_list_of_commands_has_a_line_for_each()
    {
        var (code, output, _) = await Tool.Run([]);
        Assert.Equal(0, code);
        Assert.Contains("  up ", output);
        Assert.DoesNotContain("Examples:", output);
        Assert.All(output.Split('\n'), line => Assert.InRange(line.Length, 0, 130));
    }

    [Fact]
    public async Task A_command_says_everything()
    {
        var (code, output, _) = await Tool.Run(["run", "--help"]);
        Assert.Equal(0, code);
        Assert.Contains("Examples:", output);
        Assert.Contains("--temperature", output);
    }

    /// <summary>A comma is no separator of thousands: 12,5 is refused and not 125.</summary>
    [Theory]
    [InlineData("eval", "published", "12,5", "12.5", "164")]
    [InlineData("eval", "power", "10", "12,5")]
    [InlineData("eval", "compare", "a", "b", "--margin", "2,5")]
    [InlineData("eval", "run", "--task", "mini", "--model", "x", "--temperature", "0,8")]
    [InlineData("eval", "run", "--task", "mini", "--model", "x", "--max-cost", "1,5")]
    public async Task A_comma_in_a_number_is_refused(params string[] arguments)
    {
        var (code, output, error) = await Tool.Run(arguments);
        Assert.Equal(1, code);
        var wrong = arguments.Single(a => a.Contains(',', StringComparison.Ordinal));
        Assert.Contains($"{wrong}: a number is expected, with a point before its fraction, as {wrong.Replace(',', '.')}", output + error);
    }

    [Fact]
    public async Task A_mistyped_command_is_told_which_was_meant()
    {
        var (code, output, error) = await Tool.Run(["inspct"]);
        Assert.Equal(1, code);
        Assert.Contains("inspect", output + error);
        Assert.DoesNotContain("Usage:", output + error);
    }
}
