using System.Diagnostics;
using Banyan.Tests;

namespace Banyan.Architecture.Tests;

/// <summary>The figures of docs/performance.md are those that were measured.</summary>
public class PerformanceTable
{
    static string Show(params string[] arguments)
    {
        var results = Directory.GetFiles(Path.Combine(SharedData.Repository, "bench", "results"), "*.json", SearchOption.AllDirectories)
            .Max(StringComparer.Ordinal)!;
        try
        {
            using var python =
                Process.Start(new ProcessStartInfo("python3",
                    [Path.Combine(SharedData.Repository, "bench", "results", "show.py"), results, .. arguments])
                {
                    RedirectStandardOutput = true,
                    StandardOutputEncoding = System.Text.Encoding.UTF8,
                    Environment = { ["PYTHONIOENCODING"] = "utf-8" },
                })!;
            return python.StandardOutput.ReadToEnd().ReplaceLineEndings("\n");
        }
        catch (System.ComponentModel.Win32Exception) when (Environment.GetEnvironmentVariable("CI") != "true")
        {
            Assert.Skip("python3 is not installed here");
            throw;
        }
    }

    static string Page(string name) => File.ReadAllText(Path.Combine(SharedData.Repository, "docs", name)).ReplaceLineEndings("\n");

    [Fact]
    public void Its_rows_are_those_of_the_results() => Assert.Contains(Show(), Page("performance.md"), StringComparison.Ordinal);

    [Fact]
    public void Its_picture_is_that_of_the_results() => Assert.Equal(Show("--svg"), Page("performance.svg"));
}
