using System.Diagnostics;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Models;

/// <summary>
/// Real weights: vectors of all-MiniLM-L6-v2 and snowflake-arctic-embed-xs against ONNX Runtime's, by a program that is built for it:
/// bench/peers/onnxruntime, which nothing else restores.
/// </summary>
public class OnnxTests
{
    [Fact]
    public async Task Vectors_of_texts_in_ten_languages_are_those_of_onnx_runtime()
    {
        Assert.SkipUnless(Sampled.All, "0.3 GB of models and ONNX Runtime are downloaded for it: ./check --all");
        var project = Path.Combine(SharedData.Repository, "bench", "peers", "onnxruntime");
        await RunAsync("build", project, "-c", "Release", "-v", "quiet", "-nologo");
        await RunAsync(Path.Combine(project, "bin", "Release", "net10.0", "Banyan.Onnx.dll"), "agree");
    }

    static async Task RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"{await output}\n{await error}");
    }
}
