using System.Text.Json.Nodes;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands.Eval;

/// <summary>Twins as a user meets them: listed, run beside their originals, compared, reported, verified.</summary>
public sealed class TwinsTests : IDisposable
{
    static readonly string s_sprout = Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf");

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-twins-");

    public void Dispose() => _folder.Delete(recursive: true);

    static async Task<string> RunAsync(params string[] arguments)
    {
        var (code, output, error) = await Tool.Run(arguments);
        Assert.True(code == 0, error);
        return output;
    }

    [Fact]
    public async Task A_model_is_run_on_both_and_the_gap_is_told()
    {
        if (!File.Exists("/usr/bin/bwrap"))
            SharedData.Missing("bubblewrap is not installed");
        var runs = Path.Combine(_folder.FullName, "runs");
        var results =
            JsonNode.Parse(await RunAsync("eval", "run", "--task", "banyan-mini,banyan-mini~twin", "--limit", "4", "--max-tokens", "32",
                "--model", s_sprout, "--out", runs, "--json"))!.AsArray();
        Assert.Equal(["banyan-mini", "banyan-mini~twin"], results.Select(r => r!["task"]!.GetValue<string>()));
        Assert.Equal(results[0]!["items"]!.AsArray().Select(i => i!["id"] + "~twin"),
            results[1]!["items"]!.AsArray().Select(i => i!["id"]!.GetValue<string>()));

        var model = Assert.Single(Directory.GetDirectories(runs));
        var gap = Assert.Single(JsonNode.Parse(await RunAsync("eval", "compare", model, "--json"))!.AsArray())!;
        Assert.Equal((4, "undecided"), (gap["n"]!.GetValue<int>(), gap["verdict"]!.GetValue<string>()));
        Assert.Contains("undecided",
            await RunAsync("eval", "compare", Path.Combine(model, "banyan-mini.json"), Path.Combine(model, "banyan-mini~twin.json")));

        var report = Path.Combine(_folder.FullName, "report");
        Assert.Contains("of their twins",
            await RunAsync("eval", "report", model, "--out", report, "--key", Path.Combine(_folder.FullName, "key")));
        Assert.Contains("Originals against twins",
            await File.ReadAllTextAsync(Path.Combine(report, "index.html"), TestContext.Current.CancellationToken));
        await RunAsync("eval", "verify", report);

        var (code, _, error) = await Tool.Run(["eval", "compare", Path.Combine(model, "banyan-mini.json")]);
        Assert.Equal(1, code);
        Assert.Contains("humaneval~twin", error);
    }

    [Fact]
    public async Task Their_prompts_are_listed_with_what_is_different()
    {
        if (!File.Exists("/usr/bin/bwrap"))
            SharedData.Missing("bubblewrap is not installed");
        var lines = (await RunAsync("eval", "tasks", "banyan-mini~twin", "--json")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal(40, lines.Count);
        Assert.All(lines, l => Assert.Contains(l["entry_point"]!.GetValue<string>(), l["prompt"]!.GetValue<string>()));
        Assert.All(lines, l => Assert.NotEmpty(l["changes"]!.AsArray()));
        Assert.Contains("banyan-mini~twin", await RunAsync("eval", "tasks"));
    }
}
