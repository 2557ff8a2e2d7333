using System.Text.Json;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands.Eval;

public sealed class ReportTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-report-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A model is run, reported and verified; then somebody improves its score.</summary>
    [Fact]
    public async Task A_run_becomes_a_report_that_verifies_until_it_is_changed()
    {
        var sprout = Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf");
        string runs = Path.Combine(_folder, "runs"), report = Path.Combine(_folder, "report"), key = Path.Combine(_folder, "key");
        var run =
            await Tool.Run(["eval", "run", "--task", "banyan-mini", "--model", sprout, "--limit", "2",
                "--max-tokens", "24", "--out", runs]);
        if (run.Error.Contains("bubblewrap", StringComparison.OrdinalIgnoreCase))
            SharedData.Missing(run.Error);
        Assert.True(run.ExitCode == 0, run.Error);
        var made = await Tool.Run(["eval", "report", Directory.GetDirectories(runs).Single(), "--out", report, "--key", key]);
        Assert.True(made.ExitCode == 0, made.Error);
        Assert.Contains("banyan-mini", made.Output);
        Assert.True(File.Exists(Path.Combine(report, "index.html")));

        var verified = await Tool.Run(["eval", "verify", report]);
        Assert.True(verified.ExitCode == 0, verified.Output + verified.Error);
        var file = Path.Combine(report, "report.json");
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).Replace("\"passed\": false", "\"passed\": true"));
        var changed = await Tool.Run(["eval", "verify", report, "--json"]);
        Assert.Equal(1, changed.ExitCode);
        using var json = JsonDocument.Parse(changed.Output);
        Assert.False(json.RootElement.GetProperty("verified").GetBoolean());
        Assert.Contains(json.RootElement.GetProperty("differences").EnumerateArray(),
            d => d.GetString()!.Contains(".passed: true reported, false recomputed"));
    }
}
