using System.Diagnostics;
using System.Text.RegularExpressions;
using Banyan.Tests;

namespace Banyan.Cli.Tests;

/// <summary>The README's examples are run as a reader would paste them, and its links lead somewhere.</summary>
public partial class ReadmeTests
{
    static readonly string s_readme = File.ReadAllText(Path.Combine(SharedData.Repository, "README.md"));

    // The first block starts a server for good and this very test: `up` has a test of its own.
    public static TheoryData<string> Examples =>
        [.. Blocks().Matches(s_readme).Select(m => m.Groups[1].Value).Where(b => !b.Contains("./check"))];

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task An_example_works_as_pasted(string example)
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("the examples are for a Unix shell");
        var cache = Directory.CreateTempSubdirectory("banyan-readme-");
        var start = new ProcessStartInfo("bash", ["-euo", "pipefail", "-m", "-c", example])
        {
            WorkingDirectory = SharedData.Repository,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HF_HOME"] = cache.FullName;   // the reader's own cache stays as it is
        using var shell = Process.Start(start)!;
        var output = shell.StandardOutput.ReadToEndAsync();
        var errors = shell.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        try
        {
            await shell.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            shell.Kill(entireProcessTree: true);
            Assert.Fail($"not done after 4 minutes:\n{example}");
        }
        Assert.True(shell.ExitCode == 0, $"exit code {shell.ExitCode}:\n{example}\n{await output}\n{await errors}");
        Assert.NotEmpty(await output);
        cache.Delete(recursive: true);
    }

    [Fact]
    public void Links_lead_to_files() =>
        Assert.All(Links().Matches(s_readme).Select(m => m.Groups[1].Value).Where(l => !l.StartsWith("http", StringComparison.Ordinal)),
            link => Assert.True(File.Exists(Path.Combine(SharedData.Repository, link)), $"README links to {link}, which is not there"));

    [GeneratedRegex(@"^```sh\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();

    [GeneratedRegex(@"\]\(([^)#]+)")]
    private static partial Regex Links();
}
