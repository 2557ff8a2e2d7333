using System.Text;
using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Tasks.MultiPle;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Sandboxes;

public class SandboxTests
{
    /// <summary>
    /// A .NET in ~/.dotnet, a Python in a virtual environment: what a program needs is seen though homes are empty, and nothing beside it.
    /// </summary>
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
                Command =
                    ["/bin/sh", "-c",
                        $"cat {runtime}/library; cat {home}/secret; echo changed > {runtime}/library; cat {SandboxProgram.Folder}/file"],
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

    /// <summary>
    /// In a folder that only its owner may enter (root's home, a private TMPDIR), with files that only he may read: the temporary folder,
    /// the compiler, the interpreter. Root's programs run as an id that owns nothing, and see them all the same; nobody else does.
    /// </summary>
    [Theory]
    [InlineData("py")]
    [InlineData("js")]
    [InlineData("ts")]
    [InlineData("php")]
    [InlineData("sh")]
    [InlineData("cpp")]
    [InlineData("java")]
    [InlineData("cs")]
    public async Task Programs_run_from_a_folder_that_only_its_owner_may_enter(string code)
    {
        using var folder = new ClosedFolder();
        var python = folder.Add("venv/bin/python3");
        File.CreateSymbolicLink(python, "/usr/bin/python3");
        using var judge =
            await TestJudge.OpenAsync(new JudgeOptions { TemporaryFolder = folder.Path, Python = python, CacheFolder = null });
        if (code == "py")
        {
            Assert.Contains("3.", await judge.Python.IdentityAsync(TestContext.Current.CancellationToken));
            return;
        }
        var language = code == "ts" ? new TypeScript(folder.Link(Tasks.MultiPle.Recorded.Compiler))
            : ((ProgramLanguage[])[new JavaScript(), new Php(), new Bash(), new Cpp(), new Java(),
                new CSharp()]).Single(l => l.Code == code);
        await language.ProveAsync(judge, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task What_only_root_may_read_is_copied_for_a_program_and_for_nobody_else()
    {
        using var folder = new ClosedFolder();
        var tool = folder.Add("tool/bin/run");
        await File.WriteAllTextAsync(tool, "#!/bin/sh\ncat $(dirname $0)/../data\n", TestContext.Current.CancellationToken);
        ClosedFolder.Mode(tool, "700");
        await File.WriteAllTextAsync(folder.Add("tool/data"), "its data", TestContext.Current.CancellationToken);
        ClosedFolder.Mode(folder.Add("tool/data"), "600");
        using var judge = await TestJudge.OpenAsync(new JudgeOptions { CacheFolder = null });
        var result = await judge.Sandbox.RunAsync(new() { Command = [tool], Readable = [folder.Add("tool")] },
            TestContext.Current.CancellationToken);
        Assert.Equal(("", "its data"), (result.Error, Encoding.UTF8.GetString(result.Output)));
        if (!OperatingSystem.IsWindows())
            Assert.Equal("700", Convert.ToString((int)File.GetUnixFileMode(judge.Sandbox.Folder), 8));
    }

    /// <summary>What cannot be had is said before anything is judged, and names the folder.</summary>
    [Fact]
    public void A_temporary_folder_that_cannot_be_is_named()
    {
        var e = Assert.Throws<SandboxException>(() => SandboxFolder.Create(null, "/proc/no/such"));
        Assert.Contains("/proc/no/such", e.Message);
        Assert.Contains("TMPDIR", e.Message);
    }

    /// <summary>A sandbox that cannot be made says nothing about the program: it is no wrong answer.</summary>
    [Fact]
    public async Task A_program_whose_files_cannot_be_seen_is_not_judged()
    {
        using var judge = await TestJudge.OpenAsync(new JudgeOptions { CacheFolder = null });
        var e = await Assert.ThrowsAsync<SandboxException>(() =>
            judge.Sandbox.RunAsync(new() { Command = ["/bin/true"], Readable = ["/no/such/runtime"] },
                TestContext.Current.CancellationToken));
        Assert.Contains("/no/such/runtime", e.Message);
    }

    /// <summary>What a killed process left is removed by the next, what a living one uses is not.</summary>
    [Fact]
    public async Task Folders_of_killed_processes_are_removed()
    {
        using var folder = new ClosedFolder();
        using var living = SandboxFolder.Create(null, folder.Path);
        var left = folder.Add("banyan-sandbox-left/1/work");
        Directory.CreateDirectory(left);
        await File.WriteAllTextAsync(folder.Add("banyan-sandbox-left/alive"), "", TestContext.Current.CancellationToken);
        SandboxFolder.Create(null, folder.Path).Dispose();
        Assert.Equal([living.Path], Directory.GetDirectories(folder.Path, "*sandbox*"));
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
        Assert.Equal("passed",
            (await items.JudgeAsync(judge, items.Read(id, PromptLadder.Completion, right), TestContext.Current.CancellationToken)).Reason);
        Assert.False(
            (await items.JudgeAsync(judge, items.Read(id, PromptLadder.Completion, wrong), TestContext.Current.CancellationToken)).Passed);
    }
}
