using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Maintenance.Checking;
using Banyan.Server.Maintenance.Collection;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Tests.Support;
using Banyan.Server.Tests.Xet;
using Dapper;

namespace Banyan.Server.Tests.Maintenance;

/// <summary>
/// A hub that runs and another process that collects, driven at random beside a model of what must be readable. Time goes on in days;
/// collections are killed at any of their transactions and deletions.
/// </summary>
sealed class CollectionRun(HubServer hub, HubDatabase database, IObjectStore objects, TestClock clock, int seed) : IAsyncDisposable
{
    const int Numbers = 30, Repos = 3, MostSteps = 12, Looks = 4;

    readonly Random _random = new(seed);
    readonly List<ModelRepo> _repos = [];
    readonly List<(ModelRepo Repo, ModelFile File, DateTimeOffset At)> _xorbs = [];   // sent, and not yet named by a shard
    int _count;

    DateTimeOffset Now => clock.GetUtcNow();

    public static async Task<CollectionRun> StartAsync(string? connection, int seed)
    {
        var clock = new TestClock();
        HubOptions? options = null;
        var hub = await HubServer.StartAsync(connection, change: o => options = o with { Clock = clock });
        return new CollectionRun(hub, options!.OpenDatabase(), options.OpenObjects(), clock, seed);
    }

    /// <summary>What it did, for whoever looks for the reason of a failure.</summary>
    public List<string> Steps { get; } = [];

    ModelRepo Repo => _repos[_random.Next(_repos.Count)];

    T Any<T>(IReadOnlyList<T> things) => things[_random.Next(things.Count)];

    public async Task StepAsync()
    {
        if (_repos.Count == 0)
        {
            await CreateAsync();
            return;
        }
        Steps.Add($"{Now:yyyy-MM-dd HH:mm} ");
        Steps[^1] += await (_random.Next(26) switch
        {
            < 4 => UploadAsync(Repo),
            < 9 => CommitAsync(Repo),
            < 11 => BranchAsync(Repo),
            < 13 => DeleteBranchAsync(Repo),
            13 => TagAsync(Repo),
            14 => ProposeAsync(Repo),
            15 => SquashAsync(Repo),
            16 => _random.Next(3) == 0 ? DeleteAsync() : MoveAsync(Repo),
            17 => _repos.Count < Repos ? CreateAsync() : XorbAsync(Repo),
            18 => ShardAsync(),
            < 22 => PassAsync(),
            < 25 => CollectAsync(),
            _ => LookAsync(),
        });
    }

    // :: What clients do

    async Task<string> CreateAsync()
    {
        var repo = new ModelRepo(await hub.CreateRepoAsync($"r{++_count}", isPrivate: _random.Next(2) == 0));
        var head = await HeadAsync(repo, "main");
        repo.Commits[head] = new ModelCommit([], ImmutableSortedDictionary<string, ModelFile>.Empty.WithComparers(StringComparer.Ordinal));
        repo.Move("refs/heads/main", head, Now);
        _repos.Add(repo);
        return $"create {repo.Name}";
    }

    async Task<string> HeadAsync(ModelRepo repo, string branch) =>
        (await hub.GetJsonAsync($"/api/models/{repo.Name}/refs", hub.Ana)).GetProperty("branches").EnumerateArray()
        .Single(b => b.GetProperty("name").GetString() == branch).GetProperty("targetCommit").GetString()!;

    async Task<string> UploadAsync(ModelRepo repo)
    {
        var file = new ModelFile(true, _random.Next(Numbers));
        var (bytes, lfs) = (file.Bytes(), _random.Next(3) > 0);
        await SentAsync(async () =>
        {
            if (!lfs)
                await (await XetWire.OpenAsync(hub.Client, repo.Name, hub.Ana)).UploadAsync(CutFile.Of(bytes));
            else if ((await hub.PostJsonAsync(
                $"/{repo.Name}.git/info/lfs/objects/batch",
                new
                {
                    operation = "upload",
                    transfers = new[] { "basic" },
                    objects = new[] { new { oid = file.Sha256, size = bytes.Length } }
                }, hub.Ana))
                .GetProperty("objects")[0].TryGetProperty("actions", out var actions))
                (await hub.SendAsync(HttpMethod.Put, actions.GetProperty("upload").GetProperty("href").GetString()!,
                    content: new ByteArrayContent(bytes))).EnsureSuccessStatusCode();
        });
        repo.Told[file.Number] = Now;
        return $"upload {repo.Name} {file.Number} {(lfs ? "lfs" : "xet")}";
    }

    /// <summary>
    /// What a collection that was killed began to remove is refused (503) until a node of the hub finishes it, and then taken.
    /// </summary>
    async Task SentAsync(Func<Task> send)
    {
        try
        {
            await send();
        }
        catch (HttpRequestException e) when (e.StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            Steps[^1] += "(finished first) ";
            await new Collector(database, objects, clock).FinishAsync(default);
            await send();
        }
    }

    /// <summary>Sends chunks whose file comes later, as an upload of hours does.</summary>
    async Task<string> XorbAsync(ModelRepo repo)
    {
        var file = new ModelFile(true, _random.Next(Numbers));
        await SentAsync(async () =>
            (await (await XetWire.OpenAsync(hub.Client, repo.Name, hub.Ana)).PostXorbAsync(
                CutFile.Of(file.Bytes()))).EnsureSuccessStatusCode());
        _xorbs.Add((repo, file, Now));
        return $"xorb {repo.Name} {file.Number}";
    }

    async Task<string> ShardAsync()
    {
        if (_xorbs.Count == 0)
            return "no xorb";
        var at = _random.Next(_xorbs.Count);
        var (repo, file, sent) = _xorbs[at];
        _xorbs.RemoveAt(at);
        if (!_repos.Contains(repo))
            return "a xorb whose repository is gone";
        var answer = await (await XetWire.OpenAsync(hub.Client, repo.Name, hub.Ana)).PostShardAsync(CutFile.Of(file.Bytes()).ShardBytes());
        var taken = answer.IsSuccessStatusCode && (await XetWire.FramesAsync(answer))[^1].GetProperty("type").GetString() == "result";
        Assert.True(taken || Now - sent >= ModelRepo.Grace,
            Told($"the chunks of {file.Number} were sent at {sent:yyyy-MM-dd HH:mm}, and cannot be named any more"));
        if (taken)
            repo.Told[file.Number] = Now;
        return $"shard {repo.Name} {file.Number} {taken}";
    }

    /// <summary>Some changes to files: texts, large files that the hub said it has, deletions.</summary>
    (ImmutableSortedDictionary<string, ModelFile> Files, List<(string, object)> Lines) Change(ModelRepo repo,
        ImmutableSortedDictionary<string, ModelFile> files)
    {
        var lines = new List<(string, object)>();
        var large = _repos.SelectMany(r => r.Committable(Now)).Distinct().Order().ToArray();
        var paths = Enumerable.Range(0, 6).OrderBy(_ => _random.Next()).Take(_random.Next(1, 4)).ToArray();
        foreach (var path in paths)
        {
            var (text, weights) = ($"folder/t{path}.txt", $"w{path}.bin");
            switch (_random.Next(4))
            {
                case 0 when files.ContainsKey(text) || files.ContainsKey(weights):
                    var gone = files.ContainsKey(text) ? text : weights;
                    lines.Add(("deletedFile", new { path = gone }));
                    files = files.Remove(gone);
                    break;
                case < 3 when large.Length > 0:
                    var file = new ModelFile(true, Any(large));
                    lines.Add(HubServer.Large(weights, file.Bytes()));
                    files = files.SetItem(weights, file);
                    break;
                default:
                    var small = new ModelFile(false, _random.Next(Numbers));
                    lines.Add(HubServer.File(text, System.Text.Encoding.UTF8.GetString(small.Bytes())));
                    files = files.SetItem(text, small);
                    break;
            }
        }
        Steps[^1] += $"[{string.Join(", ", files.Select(f => $"{f.Key}={f.Value.Number}"))}] ";
        return (files, lines);
    }

    async Task<HttpResponseMessage> SendCommitAsync(ModelRepo repo, string revision, string? parent,
        List<(string Key, object Value)> lines) => await hub.SendAsync(
        HttpMethod.Post, $"/api/models/{repo.Name}/commit/{revision}", hub.Ana,
        new StringContent(string.Join('\n', lines.Prepend(("header", new { summary = $"change {++_count}", parentCommit = parent }))
            .Select(l => JsonSerializer.Serialize(new { key = l.Item1, value = l.Item2 })))));

    async Task<string> CommitAsync(ModelRepo repo)
    {
        var branch = Any(Branches(repo));
        var head = repo.Refs[branch];
        var (files, lines) = Change(repo, repo.Commits[head].Files);
        var made =
            (await OkAsync(await SendCommitAsync(repo, branch["refs/heads/".Length..], null, lines),
                $"a commit to {branch} of {repo.Name}")).GetProperty("commitOid").GetString()!;
        if (made != head)
            repo.Commits[made] = new ModelCommit([head], files);
        else
            Assert.Equal(repo.Commits[head].Files, files);
        repo.Move(branch, made, Now);
        return $"commit {repo.Name} {branch} {made[..7]}";
    }

    static string[] Branches(ModelRepo repo) => [.. repo.Refs.Keys.Where(r => r.StartsWith("refs/heads/", StringComparison.Ordinal))];

    string AnyCommit(ModelRepo repo) => Any([.. repo.Commits.Keys]);

    /// <summary>
    /// What builds on a commit that must be there succeeds; on one that may be gone it succeeds or says that there is none.
    /// </summary>
    async Task<JsonElement?> BuiltAsync(ModelRepo repo, string commit, HttpResponseMessage answer, string what)
    {
        if (answer.StatusCode == HttpStatusCode.NotFound && !repo.Keeps(commit, Now))
            return null;
        return await OkAsync(answer, $"{what} {commit[..7]} of {repo.Name}");
    }

    async Task<string> BranchAsync(ModelRepo repo)
    {
        var (commit, name) = (AnyCommit(repo), $"b{++_count}");
        if (await BuiltAsync(repo, commit,
            await hub.PostAsync($"/api/models/{repo.Name}/branch/{name}", new { startingPoint = commit }, hub.Ana),
            "a branch from") is null)
            return $"no branch from {commit[..7]}";
        repo.Move($"refs/heads/{name}", commit, Now);
        return $"branch {repo.Name} {name} from {commit[..7]}";
    }

    async Task<string> TagAsync(ModelRepo repo)
    {
        var (commit, name, message) = (AnyCommit(repo), $"t{++_count}", _random.Next(3) > 0 ? "a message" : null);
        if (await BuiltAsync(repo, commit,
            await hub.PostAsync($"/api/models/{repo.Name}/tag/{commit}", new { tag = name, message }, hub.Ana), "a tag of") is null)
            return $"no tag of {commit[..7]}";
        repo.Move($"refs/tags/{name}", commit, Now);
        return $"tag {repo.Name} {name} of {commit[..7]}";
    }

    async Task<string> ProposeAsync(ModelRepo repo)
    {
        var parent = AnyCommit(repo);
        var (files, lines) = Change(repo, repo.Commits[parent].Files);
        var answer = await SendCommitAsync(repo, "main?create_pr=1", parent, lines);
        if (repo.Commits[parent].LeftAt is not null)
        {
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode); // who proposes reads what it is built upon
            return $"no pull request on {parent[..7]}";
        }
        var made = await OkAsync(answer, $"a pull request on {parent[..7]} of {repo.Name}");
        var (commit, url) = (made.GetProperty("commitOid").GetString()!, made.GetProperty("pullRequestUrl").GetString()!);
        repo.Commits[commit] = new ModelCommit([parent], files);
        repo.Move($"refs/pr/{url[(url.LastIndexOf('/') + 1)..]}", commit, Now);
        return $"pull request {repo.Name} on {parent[..7]}: {commit[..7]}";
    }

    async Task<string> DeleteBranchAsync(ModelRepo repo)
    {
        var others = repo.Refs.Keys.Where(r => r != "refs/heads/main" && !r.StartsWith("refs/pr/", StringComparison.Ordinal)).ToArray();
        if (others.Length == 0)
            return "nothing to delete";
        var name = Any(others);
        await OkAsync(await hub.SendAsync(HttpMethod.Delete,
            $"/api/models/{repo.Name}/{(name.StartsWith("refs/tags/", StringComparison.Ordinal) ? "tag" : "branch")}/{name.Split('/')[2]}",
            hub.Ana), $"deleting {name}");
        repo.Move(name, null, Now);
        return $"delete {repo.Name} {name}";
    }

    async Task<string> SquashAsync(ModelRepo repo)
    {
        var branch = Any(Branches(repo));
        await OkAsync(await hub.PostAsync($"/api/models/{repo.Name}/super-squash/{branch["refs/heads/".Length..]}",
            new { message = $"squash {++_count}" }, hub.Ana), "a squash");
        var head = await HeadAsync(repo, branch["refs/heads/".Length..]);
        repo.Commits[head] = new ModelCommit([], repo.Commits[repo.Refs[branch]].Files);
        repo.Move(branch, head, Now);
        return $"squash {repo.Name} {branch} {head[..7]}";
    }

    async Task<string> MoveAsync(ModelRepo repo)
    {
        var name = $"{Any(["ana", "acme"])}/m{++_count}";
        await OkAsync(await hub.PostAsync("/api/repos/move", new { fromRepo = repo.Name, toRepo = name, type = "model" }, hub.Ana),
            $"moving {repo.Name}");
        (var before, repo.Name) = (repo.Name, name);
        return $"move {before} to {name}";
    }

    async Task<string> DeleteAsync()
    {
        var repo = Repo;
        await OkAsync(await hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", hub.Ana,
            JsonContent.Create(new { name = repo.Name, type = "model" })), $"deleting {repo.Name}");
        _repos.Remove(repo);
        return $"delete {repo.Name}";
    }

    // :: What time and the collector do

    Task<string> PassAsync()
    {
        var days = Any([0.1, 1, 5, 14, 16, 31]);
        clock.Ahead += TimeSpan.FromDays(days);
        return Task.FromResult(string.Create(CultureInfo.InvariantCulture, $"{days} days pass"));
    }

    async Task<string> CollectAsync()
    {
        var (options, ends) = (new CollectionOptions { DryRun = _random.Next(8) == 0 }, _random.Next(3) > 0);
        var died = false;
        try
        {
            await (ends
                ? new Collector(database, objects, clock)
                : new Collector(new DyingDatabase(database, _random.Next(MostSteps), _random.Next(2) == 0),
                    new DyingStore(objects, _random.Next(MostSteps), _random.Next(2) == 0), clock)).RunAsync(options, null, default);
        }
        catch (DiedException)
        {
            died = true;
        }
        await AssertCleanAsync();
        return $"collect{(options.DryRun ? ", only counting" : "")}{(died ? ", killed" : "")}";
    }

    async Task AssertCleanAsync()
    {
        var report = await new HubCheck(database, objects, clock).RunAsync(new CheckOptions(), null, default);
        Assert.True(report.Findings.All(f => !f.Damage), Told(string.Join('\n', report.Findings)));
        var held =
            (await QueryAsync<(string Repo, byte[] Sha256)>(
                "SELECT r.name, c.sha256 FROM repo_contents rc JOIN contents c ON c.id = rc.content_id JOIN repos r ON r.id = rc.repo_id"))
            .Select(h => (h.Repo, Convert.ToHexStringLower(h.Sha256))).ToHashSet();
        foreach (var repo in _repos)
            foreach (var number in repo.Committable(Now))
                Assert.True(held.Contains((repo.Name.Split('/')[1], new ModelFile(true, number).Sha256)),
                    Told($"{repo.Name} does not have file {number} any more"));
    }

    /// <summary>Reads some of what must be readable.</summary>
    async Task<string> LookAsync()
    {
        for (var look = 0; look < Looks; look++)
        {
            var repo = Repo;
            var commit = AnyCommit(repo);
            if (repo.Keeps(commit, Now))
                foreach (var (path, file) in repo.Commits[commit].Files)
                    await ReadAsync(repo, commit, path, file);
        }
        return "look";
    }

    async Task ReadAsync(ModelRepo repo, string commit, string path, ModelFile file)
    {
        using var answer = await hub.GetAsync($"/{repo.Name}/resolve/{commit}/{path}", hub.Ana);
        // Of a commit that no ref leads to, only what they lead to otherwise.
        if (repo.Commits[commit].LeftAt is not null && !repo.Reached().Any(c => repo.Commits[c].Files.ContainsValue(file)))
        {
            Assert.True(answer.StatusCode == HttpStatusCode.NotFound,
                Told($"{path} of {commit[..7]} in {repo.Name}, which no ref leads to: {(int)answer.StatusCode}"));
            return;
        }
        Assert.True(answer.IsSuccessStatusCode,
            Told($"{path} of {commit[..7]} in {repo.Name}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}"));
        var bytes = await answer.Content.ReadAsByteArrayAsync();
        Assert.True(file.Bytes().AsSpan().SequenceEqual(bytes), Told($"{path} of {commit[..7]} in {repo.Name} has other bytes"));
    }

    // :: The end

    /// <summary>Reads all that must be readable; when all grace times are over, exactly what something leads to is left.</summary>
    public async Task EndAsync()
    {
        await ReadAllAsync(repo => repo.Commits.Keys.Where(c => repo.Keeps(c, Now)));
        for (var times = 0; times < 5; times++)
        {
            clock.Ahead += TimeSpan.FromDays(31);
            await new Collector(database, objects, clock).RunAsync(new CollectionOptions(), null, default);
        }
        await AssertCleanAsync();
        await ReadAllAsync(repo => repo.Reached());

        var large = _repos.SelectMany(r => r.Reached().SelectMany(r.LargeFiles)).Distinct()
            .Select(n => new ModelFile(true, n).Sha256).Order();
        Assert.Equal(large, (await QueryAsync<byte[]>("SELECT sha256 FROM contents")).Select(Convert.ToHexStringLower).Order());
        var held = _repos.SelectMany(r => r.Reached().SelectMany(r.LargeFiles).Distinct()).Count();
        Assert.Equal([held], await QueryAsync<long>("SELECT COUNT(*) FROM repo_contents"));
        Assert.Equal([0L], await QueryAsync<long>("SELECT COUNT(*) FROM xorbs WHERE id NOT IN (SELECT xorb_id FROM content_xorbs)"));
        Assert.Equal([await objects.ListAsync("", default).CountAsync()], await QueryAsync<long>("SELECT COUNT(*) FROM xorbs"));
        foreach (var id in await QueryAsync<long>("SELECT id FROM repos"))
        {
            var reached = await database.SnapshotAsync(
                async t => await GitReach.WalkAsync(database, t, id,
                    (await t.QueryAsync<byte[]>("SELECT oid FROM refs WHERE repo_id = @id", new { id })).Select(o => new GitId(o))),
                        default);
            Assert.Equal([reached.Count], await QueryAsync<long>($"SELECT COUNT(*) FROM git_objects WHERE repo_id = {id}"));
        }
        Assert.Equal([0L], await QueryAsync<long>("SELECT COUNT(*) FROM unreached_git_objects"));
        Assert.Equal([0L], await QueryAsync<long>("SELECT COUNT(*) FROM unreached_contents"));
    }

    async Task ReadAllAsync(Func<ModelRepo, IEnumerable<string>> commits)
    {
        foreach (var repo in _repos)
            foreach (var commit in commits(repo).ToArray())
                foreach (var (path, file) in repo.Commits[commit].Files)
                    await ReadAsync(repo, commit, path, file);
    }

    async Task<IReadOnlyList<T>> QueryAsync<T>(string sql) => (await database.ReadAsync(c => c.QueryAsync<T>(sql), default)).AsList();

    async Task<JsonElement> OkAsync(HttpResponseMessage answer, string what)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, Told($"{what}: {(int)answer.StatusCode} {text}"));
        return JsonDocument.Parse(text).RootElement;
    }

    string Told(string problem) => $"seed {seed}, {Now:yyyy-MM-dd HH:mm}: {problem}\n{string.Join('\n', Steps)}";

    public async ValueTask DisposeAsync()
    {
        await hub.DisposeAsync();
        await database.DisposeAsync();
    }
}
