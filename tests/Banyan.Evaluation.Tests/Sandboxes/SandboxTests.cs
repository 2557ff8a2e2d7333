using System.Text;
using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Tasks;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Sandboxes;

public class SandboxTests
{
    /// <summary>A .NET in ~/.dotnet, a Python in a virtual environment: what a program needs is seen though homes are empty, and nothing beside it.</summary>
    [Fact]
    public async Task A_runtime_in_a_home_or_a_temporary_folder_is_seen()
    {
        using var judge = await TestJudge.OpenAsync();
        var home = Directory.CreateTempSubdirectory("banyan-home-").FullName;
        try
        {
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(home, (UnixFileMode)Convert.ToInt32("755", 8));
            var runtime = Directory.CreateDirectory(Path.Combine(home, "runtime")).FullName;
            await File.WriteAllTextAsync(Path.Combine(runtime, "library"), "seen", TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(Path.Combine(home, "secret"), "secret", TestContext.Current.CancellationToken);
            var result = await judge.Sandbox.RunAsync(new()
            {
                Command = ["/bin/sh", "-c", $"cat {runtime}/library; cat {home}/secret; echo changed > {runtime}/library; cat {SandboxProgram.Folder}/file"],
                Files = new Dictionary<string, ReadOnlyMemory<byte>> { ["file"] = Encoding.UTF8.GetBytes(" and its file") },
                Readable = [runtime],
            }, TestContext.Current.CancellationToken);
            Assert.Equal("seen and its file", Encoding.UTF8.GetString(result.Output));
            Assert.Equal("seen", await File.ReadAllTextAsync(Path.Combine(runtime, "library"), TestContext.Current.CancellationToken));
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }

    /// <summary>Who asked for it in so many words gets the same verdicts without a sandbox.</summary>
    [Theory]
    [InlineData("humaneval", "HumanEval/53", "    return x + y\n", "    return x - y\n")]
    [InlineData("multipl-e-js", "HumanEval_53_add", "  return x + y;\n}\n", "  return x - y;\n}\n")]
    [InlineData("multipl-e-cs", "HumanEval_53_add", "        return x + y;\n    }\n", "        return x - y;\n    }\n")]
    public async Task Without_containment_answers_are_judged_the_same(string name, string id, string right, string wrong)
    {
        using var judge = await Judge.OpenAsync(new() { Uncontained = true, CacheFolder = null }, TestContext.Current.CancellationToken);
        var items = TaskTable.Find(name).Load(new(SharedData.Path("evaluation"))).Only(new HashSet<string> { id });
        await items.PrepareAsync(judge, TestContext.Current.CancellationToken);
        Assert.Equal("passed", (await items.JudgeAsync(judge, items.Read(id, PromptLadder.Completion, right), TestContext.Current.CancellationToken)).Reason);
        Assert.False((await items.JudgeAsync(judge, items.Read(id, PromptLadder.Completion, wrong), TestContext.Current.CancellationToken)).Passed);
    }
}
