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

    [Fact]
    public async Task A_mistyped_command_is_told_which_was_meant()
    {
        var (code, output, error) = await Tool.Run(["inspct"]);
        Assert.Equal(1, code);
        Assert.Contains("inspect", output + error);
        Assert.DoesNotContain("Usage:", output + error);
    }
}
