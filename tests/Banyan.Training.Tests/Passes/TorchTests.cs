using System.Diagnostics;
using Banyan.Tests;

namespace Banyan.Training.Tests.Passes;

/// <summary>
/// Gradients and curves against libtorch's autograd, by a program that is built for it: bench/peers/torchsharp, which nothing else
/// restores.
/// </summary>
public class TorchTests
{
    static readonly string[] s_models =
        ["qwen2-tiny-f32", "qwen3-tiny-F16", "llama-tiny-F16", "families/llama3", "families/gemma3", "families/phi3", "qwen3moe-tiny-F16"];

    [Fact]
    public async Task Gradients_and_curves_are_those_of_libtorch()
    {
        Assert.SkipUnless(Sampled.All, "600 MB of libtorch are downloaded for it: ./check --all");
        Assert.SkipUnless(OperatingSystem.IsLinux()
            && System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64,
            "libtorch is had for Linux on x64");
        var project = Path.Combine(SharedData.Repository, "bench", "peers", "torchsharp");
        await RunAsync("build", project, "-c", "Release", "-v", "quiet", "-nologo");
        var program = Path.Combine(project, "bin", "Release", "net10.0", "Banyan.Torch.dll");
        await RunAsync([program, "gradients", .. s_models.Select(m => SharedData.Path(["models", .. $"{m}.gguf".Split('/')]))]);
        await RunAsync(program, "curve", SharedData.Path("models", "qwen2-tiny-f32.gguf"));
    }

    static async Task RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        TestContext.Current.SendDiagnosticMessage(await output);
        Assert.True(process.ExitCode == 0, $"{await output}\n{await error}");
    }
}
