using System.Globalization;
using System.Text;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Git;

/// <summary>
/// Histories of every shape (branches, merges, renames, deletes, links, modes, names in all scripts, tags of tags) go there and come back
/// the same, object by object: at once and by halves, whole and cut off and deepened, in both versions of the protocol.
/// </summary>
public sealed class RandomHistoryTests : IAsyncLifetime
{
    readonly GitPrograms _git = new();
    HubServer _hub = null!;

    public async ValueTask InitializeAsync() => _hub = await HubServer.StartAsync(change: o => o with { LeastPacked = 20 });

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        _git.Dispose();
    }

    [Fact]
    public async Task Come_back_as_they_went()
    {
        // BANYAN_GIT_HISTORIES says how many, BANYAN_GIT_SEED which is the first.
        var count = Number("BANYAN_GIT_HISTORIES") ?? (Sampled.All ? 1000 : 8);
        var first = Number("BANYAN_GIT_SEED") ?? 1;
        for (var seed = first; seed < first + count; seed++)
        {
            await RoundTripAsync(seed);
            if (Environment.GetEnvironmentVariable("BANYAN_GIT_LOG") is { } log)
                await File.AppendAllTextAsync(log, $"{seed}\n");
        }
    }

    static int? Number(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number : null;

    async Task RoundTripAsync(int seed)
    {
        var random = new Random(seed);
        var (name, protocol) = ($"h{seed}", $"protocol.version={(seed % 2 == 0 ? 0 : 2)}");
        await _hub.CreateRepoAsync(name);
        var url = GitPrograms.Url(_hub, $"ana/{name}", _hub.Ana);
        await _git.RunAsync("", "init", "-q", "--bare", "--initial-branch=main", $"{name}.git");
        var (code, output) = await _git.TryAsync($"{name}.git", History(random), ["fast-import", "--quiet", "--force"]);
        Assert.True(code == 0, output);

        // By halves: the older of each branch first.
        if (seed % 3 == 0)
        {
            var half = await _git.RunAsync($"{name}.git", "rev-list", "--skip=5", "--max-count=1", "main");
            if (half.Length > 0)
                await _git.RunAsync($"{name}.git", "-c", protocol, "push", "-q", "--force", url, $"{half}:refs/heads/main");
        }
        await _git.RunAsync($"{name}.git", "-c", protocol, "push", "-q", "--force", url, "refs/heads/*:refs/heads/*",
            "refs/tags/*:refs/tags/*");
        await _git.RunAsync("", "-c", protocol, "clone", "-q", "--mirror", url, $"{name}-copy.git");
        Assert.Equal(await RefsAsync($"{name}.git"), await RefsAsync($"{name}-copy.git"));
        Assert.Equal(await ObjectsAsync($"{name}.git"), await ObjectsAsync($"{name}-copy.git"));
        await _git.RunAsync($"{name}-copy.git", "fsck", "--strict", "--no-dangling");

        await _git.RunAsync("", "-c", protocol, "clone", "-q", "--bare", "--no-single-branch", "--depth", $"{random.Next(1, 5)}",
            url, $"{name}-shallow.git");
        await _git.RunAsync($"{name}-shallow.git", "-c", protocol, "fetch", "-q", "--deepen", $"{random.Next(1, 5)}", url,
            "refs/heads/*:refs/heads/*");
        await _git.RunAsync($"{name}-shallow.git", "fsck", "--strict", "--no-dangling");
        await _git.RunAsync($"{name}-shallow.git", "-c", protocol, "fetch", "-q", "--depth=2147483647", url, "refs/heads/*:refs/heads/*",
            "refs/tags/*:refs/tags/*");
        Assert.Equal(await RefsAsync($"{name}.git"), await RefsAsync($"{name}-shallow.git"));
        Assert.Equal(await ObjectsAsync($"{name}.git"), await ObjectsAsync($"{name}-shallow.git"));
        foreach (var folder in (string[])[$"{name}.git", $"{name}-copy.git", $"{name}-shallow.git"])
            Directory.Delete(_git.PathOf(folder), recursive: true);
    }

    async Task<string> RefsAsync(string folder) => await _git.RunAsync(folder, "for-each-ref", "--format=%(objectname) %(refname)");

    async Task<IEnumerable<string>> ObjectsAsync(string folder) =>
        (await _git.RunAsync(folder, "rev-list", "--objects", "--no-object-names", "--all")).Split('\n').Order(StringComparer.Ordinal);

    /// <summary>A stream for git fast-import.</summary>
    static byte[] History(Random random)
    {
        var text = new StringBuilder();
        var (branches, files, mark) = (new List<string> { "main" }, new Dictionary<string, List<string>> { ["main"] = [] }, 0);
        var marks = new Dictionary<string, int>();
        for (var commits = random.Next(1, 40); commits > 0; commits--)
        {
            var branch = branches[random.Next(branches.Count)];
            if (marks.Count > 0 && random.Next(6) == 0)
            {
                var (from, made) = (branches.Where(marks.ContainsKey).ElementAt(0), $"branch-{branches.Count}");
                branches.Add(made);
                (marks[made], files[made]) = (marks[from], [.. files[from]]);
                branch = made;
            }
            var message = $"change {commits} äöü 变化";
            text.Append(CultureInfo.InvariantCulture,
                $"commit refs/heads/{branch}\nmark :{++mark}\ncommitter Ana Müller <ana@example.org> {1_700_000_000 + random.Next(1_000_000)} +0530\n");
            text.Append(CultureInfo.InvariantCulture, $"data {Encoding.UTF8.GetByteCount(message)}\n{message}\n");
            if (marks.TryGetValue(branch, out var parent))
            {
                text.Append(CultureInfo.InvariantCulture, $"from :{parent}\n");
                if (marks.Where(m => m.Key != branch && m.Value != parent).ToArray() is { Length: > 0 } others && random.Next(5) == 0)
                    text.Append(CultureInfo.InvariantCulture, $"merge :{others[random.Next(others.Length)].Value}\n");
            }
            var there = files[branch];
            for (var change = random.Next(0, 5); change >= 0; change--)
            {
                if (there.Count > 0 && random.Next(5) == 0)
                {
                    var gone = there[random.Next(there.Count)];
                    there.Remove(gone);
                    text.Append(CultureInfo.InvariantCulture, $"D {gone}\n");
                    continue;
                }
                string[] folders = ["", "a/", "a/b/", "daten/", "नमस्ते/", "数据/x/"];
                var path = $"{folders[random.Next(folders.Length)]}f{random.Next(12)}.txt";
                var (mode, content) = random.Next(8) switch
                {
                    0 => ("120000", "f0.txt"),
                    1 => ("100755", $"#!/bin/sh\necho {random.Next()}\n"),
                    _ => ("100644", string.Concat(Enumerable.Repeat($"line {random.Next(5)}\n", random.Next(400)))),
                };
                if (!there.Contains(path))
                    there.Add(path);
                text.Append(CultureInfo.InvariantCulture, $"M {mode} inline {path}\ndata {content.Length}\n{content}\n");
            }
            if (there.Count > 0 && random.Next(5) == 0)
            {
                var (from, to) = (there[random.Next(there.Count)], $"moved/{random.Next(1000)}.txt");
                there.Remove(from);
                if (!there.Contains(to))
                    there.Add(to);
                text.Append(CultureInfo.InvariantCulture, $"R {from} {to}\n");
            }
            // A folder of many, now and then.
            if (random.Next(100) == 0)
                for (var i = 0; i < 10_000; i++)
                    text.Append(CultureInfo.InvariantCulture, $"M 100644 inline many/{i}.txt\ndata 1\nx\n");
            text.Append('\n');
            marks[branch] = mark;
        }
        text.Append(CultureInfo.InvariantCulture,
            $"tag v1\nmark :{++mark}\nfrom :{marks.Values.First()}\ntagger Ana <ana@example.org> 1700000000 -0800\ndata 5\nfirst\n");
        text.Append(CultureInfo.InvariantCulture,
            $"tag v1-of-tag\nfrom :{mark}\ntagger Ana <ana@example.org> 1700000001 +0000\ndata 3\ntag\n");
        text.Append(CultureInfo.InvariantCulture, $"reset refs/tags/light\nfrom :{marks.Values.Last()}\n\n");
        // The first branch of all must be there.
        if (!marks.ContainsKey("main"))
            text.Append(CultureInfo.InvariantCulture, $"reset refs/heads/main\nfrom :{marks.Values.First()}\n\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
