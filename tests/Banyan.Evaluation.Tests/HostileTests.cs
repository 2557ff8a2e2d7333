using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Tasks;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests;

/// <summary>Runs alone: it looks for whatever process or file a program left, and other tests' programs would be found too.</summary>
[CollectionDefinition(DisableParallelization = true)]
public class HostileCollection;

[Collection<HostileCollection>]
public class HostileTests
{
    const string Item = "HumanEval/53";

    [Fact]
    public async Task Every_hostile_program_fails_and_leaves_nothing()
    {
        // Who listens where a program must not come.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var name = $"banyan-{Guid.NewGuid():N}";
        using var local = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        local.Bind(new UnixDomainSocketEndPoint("\0" + name));
        local.Listen();
        var programs = HostilePrograms.Python(((IPEndPoint)listener.LocalEndpoint).Port, name);
        Assert.True(programs.Count >= 100, $"{programs.Count} programs");
        Environment.SetEnvironmentVariable("BANYAN_SECRET", "sk-1234");
        using var judge = await TestJudge.OpenAsync();
        var items = TaskTable.Find("humaneval+").Load(new(SharedData.Path("evaluation"))).Only(new HashSet<string> { Item });
        await items.PrepareAsync(judge, TestContext.Current.CancellationToken);
        var before = Files();
        var tried = Sampled.Of(programs, 12);

        var passed = new List<string>();
        await Parallel.ForEachAsync(tried.Index(), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (one, token) =>
        {
            var (index, program) = one;
            var verdict = await items.JudgeAsync(judge, new(Item, program.Value, Whole: true), token);
            // An honest answer judged beside the hostile ones keeps its verdict.
            var honest = index % 4 > 0 ? Verdict.Right
                : await items.JudgeAsync(judge, new(Item, "def add(x, y):\n    return x + y\n", Whole: true), token);
            lock (passed)
            {
                TestContext.Current.SendDiagnosticMessage("{0}: {1}", program.Key, verdict.Reason);
                if (verdict.Passed)
                    passed.Add(program.Key);
                if (!honest.Passed)
                    passed.Add($"an honest answer beside '{program.Key}' failed: {honest.Reason}");
            }
        });
        Assert.Empty(passed);
        Assert.False(listener.Pending());
        Assert.Equal(before, Files());
        Assert.Empty(Processes());
    }

    /// <summary>
    /// What meets the sandbox's limits, which are the same for every language and take their time: Python's are sampled, the others' run
    /// with `./check --all`.
    /// </summary>
    static readonly string[] s_limits = ["memory", "processes", "threads", "fork bomb", "flood", "sleep", "compiled to a giant"];

    public static TheoryData<string> Languages => [.. HostileLanguages.All.Keys];

    [Theory]
    [MemberData(nameof(Languages))]
    public async Task Programs_that_hold_their_own_tests_cannot_forge_the_verdict(string language)
    {
        const string Sum = "HumanEval_53_add";
        Environment.SetEnvironmentVariable("BANYAN_SECRET", "sk-1234");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var judge = await TestJudge.OpenAsync();
        var items = Tasks.MultiPle.Recorded.Open(language).Items;
        var wrong = new List<string>();
        var programs = Sampled.Of(HostileLanguages.All[language].Where(p => Sampled.All || !s_limits.Contains(p.Key)), 3);
        await Parallel.ForEachAsync(programs,
            new ParallelOptions { MaxDegreeOfParallelism = 3, CancellationToken = TestContext.Current.CancellationToken },
            async (program, token) =>
        {
            var source = program.Value.Replace("PORT", $"{((IPEndPoint)listener.LocalEndpoint).Port}", StringComparison.Ordinal);
            var verdict = await items.JudgeAsync(judge, new(Sum, source, Whole: true), token);
            TestContext.Current.SendDiagnosticMessage("{0} {1}: {2}", language, program.Key, verdict.Reason);
            if (verdict.Passed)
                lock (wrong)
                    wrong.Add(program.Key);
        });
        var honest = await items.JudgeAsync(judge, new(Sum, HostileLanguages.Honest[language], Whole: true),
            TestContext.Current.CancellationToken);
        Assert.Equal("passed", honest.Reason);
        Assert.Empty(wrong);
        Assert.False(listener.Pending());
        Assert.Empty(Files());
        Assert.Empty(Processes());
    }

    [Fact]
    public async Task Limits_end_a_program_for_the_right_reason()
    {
        using var judge = await TestJudge.OpenAsync();
        async Task<SandboxResult> Run(string script, SandboxLimits limits) =>
            await judge.Sandbox.RunAsync(new() { Command = ["/bin/sh", "-c", script], Limits = limits },
                TestContext.Current.CancellationToken);
        Assert.Equal(SandboxEnd.CpuLimit, (await Run("while :; do while :; do :; done & sleep 0.1; done", new() { CpuSeconds = 0.5 })).End);
        Assert.Equal(SandboxEnd.Idle, (await Run("sleep 1000", new() { IdleSeconds = 0.3 })).End);
        Assert.Equal(SandboxEnd.OutputLimit, (await Run("yes", new() { OutputBytes = 1 << 20 })).End);
        // 8 × 60 pairs of sockets, filled: 200 MB that no process holds.
        var sockets = await judge.Sandbox.RunAsync(new()
        {
            Command = ["/usr/bin/python3", "-I", "-S", "-c",
                "import os, socket, time\nfor _ in range(3): os.fork()\nx = []\nfor _ in range(60):\n    a, b = socket.socketpair()\n    x += [a, b]\n    a.setblocking(False)\n    try:\n        while True: a.send(b'x' * 65536)\n    except BlockingIOError: pass\ntime.sleep(99)"],
            Limits = new() { MemoryBytes = 256L << 20, IdleSeconds = 60 },
        }, TestContext.Current.CancellationToken);
        Assert.Equal(SandboxEnd.MemoryLimit, sockets.End);
        // An event loop, which needs a pair, is an honest program.
        var loop =
            await judge.Sandbox.RunAsync(
                new()
                {
                    Command = ["/usr/bin/python3", "-c",
                    "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 42\nprint(asyncio.run(f()))"]
                },
                        TestContext.Current.CancellationToken);
        Assert.Equal("42\n", System.Text.Encoding.UTF8.GetString(loop.Output));
        var honest = await Run("echo hello; exit 3", new());
        Assert.Equal((SandboxEnd.Exited, 3, "hello\n"), (honest.End, honest.ExitCode, System.Text.Encoding.UTF8.GetString(honest.Output)));
    }

    [Fact]
    public async Task Cancellation_ends_a_program()
    {
        using var judge = await TestJudge.OpenAsync();
        using var cancellation = new CancellationTokenSource();
        var run =
            judge.Sandbox.RunAsync(new() { Command = ["/bin/sleep", "1000"], Limits = new() { IdleSeconds = 1000 } }, cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Empty(Processes());
    }

    static string[] Files() =>
        [.. ((string[])["/tmp", "/etc", "/home", "/usr", "/root", "/var/tmp"]).Where(Directory.Exists)
            .SelectMany(f => Directory.EnumerateFileSystemEntries(f))
            .Where(f => f.Contains("banyan-was-here", StringComparison.Ordinal) || f.EndsWith("json.py", StringComparison.Ordinal))];

    /// <summary>Processes of the id that root's programs have outside, or bubblewraps below this process.</summary>
    static string[] Processes() => [.. Process.GetProcesses().Where(p => p.ProcessName == "bwrap" && IsChild(p.Id)).Select(p => $"{p.Id}")];

    static bool IsChild(int id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/stat").Split(") ")[^1].Split(' ')[1] == $"{Environment.ProcessId}";
        }
        catch (IOException)
        {
            return false;
        }
    }
}
