using System.Diagnostics;
using Banyan.Tests;

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
    public void A_comma_in_a_number_is_refused(params string[] arguments)
    {
        var error = Mistakes(arguments);
        var wrong = arguments.Single(a => a.Contains(',', StringComparison.Ordinal));
        Assert.Contains($"{wrong}: a number is expected, with a point before its fraction, as {wrong.Replace(',', '.')}", error);
    }

    [Fact]
    public async Task A_mistyped_command_is_told_which_was_meant()
    {
        var (code, output, error) = await Tool.Run(["inspct"]);
        Assert.Equal(1, code);
        Assert.Contains("inspect", output + error);
        Assert.DoesNotContain("Usage:", output + error);
    }

    [Fact]
    public async Task Commands_are_grouped_by_verb()
    {
        var (_, output, _) = await Tool.Run(["--help"]);
        var order =
            ((string[])["\nRun\n", "  serve", "\nShare and spread\n", "  pull", "\nMeasure\n", "  eval", "\nOperate\n", "  fsck"]).Select(
                word => output.ReplaceLineEndings("\n").IndexOf(word, StringComparison.Ordinal)).ToList();
        Assert.DoesNotContain(-1, order);
        Assert.Equal(order.Order(), order);
    }

    [Fact]
    public async Task A_mistake_is_told_on_standard_error_alone()
    {
        string[] wrong = ["hub", "user", "lsit"];
        var (code, output, error) = await Tool.Run(wrong);
        Assert.Equal((1, "", Mistakes(wrong)), (code, output, error.ReplaceLineEndings("\n").TrimEnd()));
    }

    /// <summary>What is said of a command line, without a process for each.</summary>
    static string Mistakes(string[] arguments)
    {
        var banyan = Program.Commands(arguments);
        Numbers.Check(banyan);
        var parsed = banyan.Parse(arguments);
        Assert.True(ParseErrors.Any(parsed));
        return string.Join('\n', ParseErrors.Describe(parsed).Select(line => "banyan: " + line));
    }

    [Theory]
    [InlineData("run m --threads abc", "--threads abc: a whole number is needed")]
    [InlineData("run m --temperature x", "--temperature x: a number is expected")]
    [InlineData("run m --seed -1", "--seed -1: a whole number of 0 or more is needed")]
    [InlineData("serve m --port x", "--port x: a whole number is needed")]
    [InlineData("run", "banyan run needs MODEL:")]
    [InlineData("eval run", "--model is missing:")]
    [InlineData("run m --threads", "--threads needs a value")]
    [InlineData("hub", "banyan hub needs one of its commands: user")]
    [InlineData("rnu x", "did you mean run?")]
    [InlineData("hub user lsit", "did you mean list?")]
    [InlineData("run m --temprature 1", "did you mean --temperature?")]
    [InlineData("run m p --temprature=1", "did you mean --temperature?")]
    [InlineData("run m --kv q4_0", "'q4_0' is not one of q8_0, f16, f32")]
    [InlineData("run m --temperature 2.5", "--temperature 2.5: between 0 and 2")]
    [InlineData("chat m --top-p 1.5", "--top-p 1.5: between 0 and 1")]
    [InlineData("run m --context 0", "--context 0: at least 2")]
    [InlineData("serve m --context 1", "--context 1: at least 2")]
    [InlineData("run m --max-tokens 0", "--max-tokens 0: at least 1")]
    [InlineData("bench m --threads 0", "--threads 0: between 1 and 1024")]
    [InlineData("completion tcsh", "'tcsh' is not one of bash, zsh, fish, pwsh")]
    public void A_mistake_is_told_in_the_tool_s_words_with_what_is_needed(string arguments, string expected)
    {
        var error = Mistakes(arguments.Split(' '));
        Assert.Contains(expected, error);
        Assert.DoesNotContain("System.", error);
        Assert.DoesNotContain("Parameter '", error);
        Assert.Contains("--help", error);
        Assert.InRange(error.Trim().Split('\n').Length, 2, 4);
    }

    [Theory]
    [InlineData("run MODEL", "there is no prompt", 1)]
    [InlineData("run MODEL Hello -n 2", "", 0)]
    [InlineData("tokenize MODEL", "standard input is closed: pipe the text in", 1)]
    [InlineData("template MODEL", "standard input is closed", 1)]
    [InlineData("chat MODEL", "", 0)]
    public async Task Closed_standard_input_is_no_reason_to_wait(string command, string expected, int exitCode)
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("a shell of Unix closes a stream");
        var model = Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf");
        var start = new ProcessStartInfo("bash",
            ["-c", $"exec {BanyanProgram.InShell} {command.Replace("MODEL", $"'{model}'", StringComparison.Ordinal)} <&-"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            Assert.Fail($"{command} waits for an input that is closed");
        }
        Assert.Equal(exitCode, process.ExitCode);
        Assert.Contains(expected, await error);
    }

    [Theory]
    [InlineData("run MODEL x --context 2000 -n 1", "--context 2000: the model has a context of 1024 tokens")]
    [InlineData("logits MODEL --follow DIR", "DIR is a folder")]
    [InlineData("serve DIR --port 0", "DIR: the folder holds no .gguf and no .safetensors file")]
    [InlineData("run ENCODER x", "is an encoder")]
    [InlineData("restore DIR --data DIR/new", "DIR has no snapshot")]
    [InlineData("hub user list --database Host=", "--database: expected PostgreSQL's")]
    public async Task What_cannot_be_used_is_named_and_nothing_is_made(string command, string expected)
    {
        var folder = Directory.CreateTempSubdirectory("banyan-mistakes-").FullName;
        try
        {
            string Placed(string text) =>
                text.Replace("MODEL", Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf"), StringComparison.Ordinal)
                .Replace("DIR", folder, StringComparison.Ordinal)
                .Replace("ENCODER", command.Contains("ENCODER", StringComparison.Ordinal)
                    ? SharedData.Path("models", "families", "bert.gguf") : "", StringComparison.Ordinal);
            var (code, output, error) = await Tool.Run([.. command.Split(' ').Select(Placed)]);
            Assert.Equal(1, code);
            Assert.Contains(Placed(expected), output + error, StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("[suggest:15]", "banyan run --te", "--temperature")]
    [InlineData("[suggest:9]", "banyan in", "inspect")]
    public async Task Shells_complete_by_what_the_tool_suggests(string directive, string line, string expected) =>
        Assert.Contains(expected, (await Tool.Run([directive, line])).Output);

    [Fact]
    public async Task The_script_for_a_shell_is_one_command()
    {
        var (code, script, _) = await Tool.Run(["completion", "bash"]);
        Assert.Equal(0, code);
        var bash = Process.Start(new ProcessStartInfo("bash", ["-c",
            $"banyan() {{ {BanyanProgram.InShell} \"$@\"; }}\n{script}\nCOMP_WORDS=(banyan run --te) COMP_CWORD=2 COMP_LINE='banyan run --te' COMP_POINT=15; _banyan; echo \"${{COMPREPLY[@]}}\""])
        { RedirectStandardOutput = true })!;
        Assert.Equal("--temperature", (await bash.StandardOutput.ReadToEndAsync()).Trim());
    }

    [Theory]
    [InlineData("qwen2.5-coder-1.5b-q4_k_m.gguf", 80)]
    [InlineData("qwen2.5-coder-1.5b-instruct-with-a-very-long-name-q4_k_m.gguf", 80)]
    [InlineData("qwen2.5-coder-1.5b-q4_k_m.gguf", 40)]
    [InlineData("m", 20)]
    [InlineData("model", 8)]
    [InlineData("model", 1)]
    public void A_bar_fits_the_terminal(string name, int width)
    {
        foreach (var percent in (int[])[0, 7, 50, 100])
            Assert.InRange(Progress.LoadingBar.Line(name, percent, width - 1).Length, 0, Math.Max(width - 1, 8));
        if (width >= 40)
            Assert.Contains('━', Progress.LoadingBar.Line(name, 100, width - 1));
    }
}
