using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Banyan.Cli.Tests.Faults;

/// <summary>
/// Pushes of git, of which server or client is killed at a random moment.
/// <code>
/// 1  new commits on one branch or several, some of so many objects that the pack is kept
/// 2  git pushes them, or deletes a branch; one of both sides is killed meanwhile
/// 3  the hub starts again where it was killed: by itself, at the first try
/// 4  each branch is where git said that it went; where git said nothing, there or where it was; all or none where the push was atomic
/// 5  now and then, and at the end: a clone is whole and has what its refs lead to, git fsck --strict, banyan fsck
/// </code>
/// </summary>
sealed class GitCampaign(HubProcess hub, Func<string[], Task<string>> run, string folder, int seed)
{
    const int WholeCheckEvery = 10, Branches = 4;

    static readonly TimeSpan s_usual = TimeSpan.FromMilliseconds(700);

    readonly Random _random = new(seed);
    readonly Dictionary<string, HashSet<string>> _may = [];   // where each branch may be; "" for nowhere
    string _url = "";

    /// <summary>What came of the pushes.</summary>
    public (int Acknowledged, int Unanswered, int ServerKills, int ClientKills) Counts { get; private set; }

    public async Task RunAsync(int rounds)
    {
        await run(["hub", "user", "add", "ana"]);
        var token = (await run(["hub", "token", "add", "ana"])).Trim();
        await hub.StartAsync();
        await new HubUser(hub.Address, token, "ana/model").CreateRepoAsync(default);
        _url = $"{hub.Address.Replace("://", $"://user:{token}@", StringComparison.Ordinal)}/ana/model";
        await GitAsync("", "init", "-q", "--bare", "work");
        for (var round = 1; round <= rounds; round++)
        {
            await RoundAsync(round);
            if (round % WholeCheckEvery == 0 || round == rounds)
                await WholeCheckAsync();
        }
        TestContext.Current.SendDiagnosticMessage($"seed {seed}: {Counts}");
    }

    async Task RoundAsync(int round)
    {
        var there = await RefsAsync();
        var chosen = Enumerable.Range(0, Branches).OrderBy(_ => _random.Next()).Take(_random.Next(1, 3))
            .Select(b => $"refs/heads/b{b}").ToArray();
        var (to, isAtomic) = (new Dictionary<string, string>(), _random.Next(2) == 0);
        foreach (var name in chosen)
            to[name] = there.ContainsKey(name) && _random.Next(6) == 0 ? "" : await CommitAsync(round, name, there.GetValueOrDefault(name));
        foreach (var name in chosen)
            _may[name] = [.. _may.GetValueOrDefault(name, [""]), there.GetValueOrDefault(name, ""), to[name]];

        using var push =
            Start("work",
                ["push", "--force", .. isAtomic ? ["--atomic"] : Array.Empty<string>(), _url,
                    .. to.Select(t => t.Value.Length == 0 ? $":{t.Key}" : $"{t.Value}:{t.Key}")]);
        var output = Task.WhenAll(push.StandardOutput.ReadToEndAsync(), push.StandardError.ReadToEndAsync());
        var (at, kill) = (s_usual * _random.NextDouble() * 1.3, _random.Next(5));
        using (var patience = new CancellationTokenSource(at))
            await push.WaitForExitAsync(patience.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        var (server, client) = (kill < 3, kill == 3);
        if (server)
        {
            await hub.KillAsync();
            await hub.StartAsync();
        }
        else if (client && !push.HasExited)
            push.Kill(entireProcessTree: true);
        await push.WaitForExitAsync();
        var said = string.Concat(await output);

        var isAcknowledged = push.ExitCode == 0;
        Counts = (Counts.Acknowledged + (isAcknowledged ? 1 : 0), Counts.Unanswered + (isAcknowledged ? 0 : 1),
            Counts.ServerKills + (server ? 1 : 0), Counts.ClientKills + (client ? 1 : 0));
        if (isAcknowledged)
            foreach (var (name, id) in to)
                _may[name] = [id];
        var now = await RefsAsync();
        foreach (var (name, may) in _may)
            Assert.True(may.Contains(now.GetValueOrDefault(name, "")),
                $"seed {seed}, round {round}: {name} is at '{now.GetValueOrDefault(name, "")}', not at one of {string.Join(", ", may.Select(m => $"'{m}'"))}\n{said}\n{hub.Errors}");
        // Those that a push moved at once are all there or all as they were.
        var moved = to.Where(t => t.Value != there.GetValueOrDefault(t.Key, "")).ToList();
        if (isAtomic)
            Assert.True(moved.All(t => now.GetValueOrDefault(t.Key, "") == t.Value)
                || moved.All(t => now.GetValueOrDefault(t.Key, "") != t.Value),
                $"seed {seed}, round {round}: a part of an atomic push\n{said}");
    }

    async Task<string> CommitAsync(int round, string name, string? from)
    {
        var files = _random.Next(4) == 0 ? 1100 : _random.Next(1, 60);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"commit refs/heads/made\ncommitter Ana <ana@example.org> {1_700_000_000 + round} +0000\ndata {name.Length}\n{name}\n");
        if (from is not null)
            text.Append(CultureInfo.InvariantCulture, $"from {from}\n");
        for (var i = 0; i < files; i++)
        {
            var content = $"{round} {i} {_random.Next()}";
            text.Append(CultureInfo.InvariantCulture, $"M 100644 inline d{_random.Next(4)}/f{i}\ndata {content.Length}\n{content}\n");
        }
        await FeedAsync("work", text.Append('\n').ToString(), "fast-import", "--quiet", "--force");
        return await GitAsync("work", "rev-parse", "refs/heads/made");
    }

    async Task<Dictionary<string, string>> RefsAsync() =>
        (await GitAsync("work", "ls-remote", _url, "refs/heads/b*")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(l => l.Split('\t')).ToDictionary(l => l[1], l => l[0]);

    async Task WholeCheckAsync()
    {
        await GitAsync("", "-c", "transfer.fsckObjects=true", "clone", "-q", "--mirror", _url, "clone");
        await GitAsync("clone", "fsck", "--strict", "--full");
        var (all, reached) = (await GitAsync("clone", "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"),
            await GitAsync("clone", "rev-list", "--objects", "--all", "--no-object-names"));
        Assert.Equal(reached.Split('\n').Order(StringComparer.Ordinal), all.Split('\n').Order(StringComparer.Ordinal));
        Directory.Delete(Path.Combine(folder, "clone"), recursive: true);
        await run(["fsck"]);
    }

    Task<string> GitAsync(string where, params string[] arguments) => FeedAsync(where, null, arguments);

    async Task<string> FeedAsync(string where, string? input, params string[] arguments)
    {
        using var git = Start(where, arguments);
        if (input is not null)
            await git.StandardInput.WriteAsync(input);
        git.StandardInput.Close();
        var (output, errors) = (git.StandardOutput.ReadToEndAsync(), git.StandardError.ReadToEndAsync());
        await git.WaitForExitAsync();
        Assert.True(git.ExitCode == 0, $"seed {seed}: git {string.Join(' ', arguments)}: {await errors}\n{hub.Errors}");
        return (await output).Trim();
    }

    Process Start(string where, string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments)
        {
            WorkingDirectory = Path.Combine(folder, where),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        foreach (var (name, value) in new[] { ("HOME", folder), ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C") })
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
