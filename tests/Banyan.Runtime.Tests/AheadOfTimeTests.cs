using System.Diagnostics;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tests.Models;
using Banyan.Tests;

namespace Banyan.Runtime.Tests;

/// <summary>
/// A program of the library is published ahead of time, without a warning, and runs with the same kernels as one that is compiled as it
/// runs: loading, generation, a chat with a tool whose arguments are forced.
/// </summary>
public class AheadOfTimeTests
{
    const string Template =
        "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if tools %}{{ tools[0].function.name }}{% endif %}[assistant]";

    [Fact]
    public async Task A_sample_is_published_and_runs_at_full_speed()
    {
        Assert.SkipUnless(Sampled.All, "it is compiled to machine code first, which takes a minute: ./check --all");
        Assert.SkipUnless(((string[])["clang", "gcc"]).Any(OnPath), "a linker is missing: apt-get install clang zlib1g-dev");
        var folder = Directory.CreateTempSubdirectory("banyan-aot-");
        try
        {
            var (published, log) = await RunAsync("dotnet", "publish",
                Path.Combine(SharedData.Repository, "samples", "speed.cs"), "-o", folder.FullName);
            Assert.True(published, log);
            Assert.DoesNotContain("warning", log, StringComparison.OrdinalIgnoreCase);
            using var model = new ChangedModel("stories260K", new() { ["tokenizer.chat_template"] = Template });
            var (ran, output) =
                await RunAsync(Path.Combine(folder.FullName, OperatingSystem.IsWindows() ? "speed.exe" : "speed"), model.Path);
            Assert.True(ran, output);
            Assert.Contains($"kernels {Model.Kernels}\n", output.ReplaceLineEndings("\n"));
            Assert.True(output.Contains("call    look_up(word: ", StringComparison.Ordinal), output);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    static bool OnPath(string program) => Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, program)));

    static async Task<(bool Succeeded, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process =
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode == 0, await output + await error);
    }
}
