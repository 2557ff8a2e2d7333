using System.Net;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Tests.Storage;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Hub;

public sealed class SqliteCommitTests : CommitContract;

public sealed class PostgresCommitTests(PostgresServer server) : CommitContract
{
    protected override async Task<string?> DatabaseAsync() => await server.CreateHubAsync();
}

/// <summary>Commits and reading them back, on each database.</summary>
public abstract class CommitContract : IAsyncLifetime
{
    HubServer _hub = null!;

    protected virtual Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);

    public async ValueTask InitializeAsync() => _hub = await HubServer.StartAsync(await DatabaseAsync());

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    static byte[] Bytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    async Task<string> HeadAsync(string repo) =>
        (await _hub.GetJsonAsync($"/api/{HubServer.Api(repo)}/refs", _hub.Ana)).GetProperty("branches")[0].GetProperty("targetCommit")
        .GetString()!;

    async Task<string[]> PathsAsync(string repo, string? token = null) =>
        [.. (await _hub.GetJsonAsync($"/api/{HubServer.Api(repo)}/tree/main?recursive=true", token ?? _hub.Ana)).EnumerateArray()
            .Where(e => e.GetProperty("type").GetString() == "file").Select(e => e.GetProperty("path").GetString()!)];

    [Fact]
    public async Task A_new_repository_has_attributes_and_a_first_commit()
    {
        var repo = await _hub.CreateRepoAsync("first");
        Assert.Equal([".gitattributes"], await PathsAsync(repo));
        var commits = await _hub.GetJsonAsync($"/api/models/{repo}/commits/main");
        Assert.Equal("initial commit", commits[0].GetProperty("title").GetString());
        Assert.Equal("ana", commits[0].GetProperty("authors")[0].GetProperty("user").GetString());
    }

    [Fact]
    public async Task Files_come_back_as_they_were_committed()
    {
        var repo = await _hub.CreateRepoAsync("files");
        var commit = await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "hello"), ("folder/b é.txt", "world"), ("empty.txt", ""));
        Assert.Equal("hello", await (await _hub.GetAsync($"/{repo}/resolve/main/a.txt")).Content.ReadAsStringAsync());
        Assert.Equal("world", await (await _hub.GetAsync($"/{repo}/resolve/{commit}/folder/b%20%C3%A9.txt")).Content.ReadAsStringAsync());
        Assert.Equal("", await (await _hub.GetAsync($"/{repo}/resolve/main/empty.txt")).Content.ReadAsStringAsync());
        Assert.Equal(commit, await HeadAsync(repo));

        var head = await _hub.SendAsync(HttpMethod.Head, $"/{repo}/resolve/main/a.txt");
        Assert.Equal(commit, head.Headers.GetValues("X-Repo-Commit").Single());
        Assert.Equal("\"b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0\"", head.Headers.ETag!.Tag);   // git hash-object of "hello"
        Assert.Equal(5, head.Content.Headers.ContentLength);
        Assert.Equal(["bytes"], head.Headers.AcceptRanges);
        Assert.False(head.Headers.Contains("X-Linked-Size"));

        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "remove", commit, ("deletedFile", new { path = "a.txt" }),
            ("deletedFolder", new { path = "folder/" })));
        Assert.Equal([".gitattributes", "empty.txt"], await PathsAsync(repo));
        Assert.Equal("hello", await (await _hub.GetAsync($"/{repo}/resolve/{commit}/a.txt")).Content.ReadAsStringAsync());
        var missing = await _hub.GetAsync($"/{repo}/resolve/main/a.txt");
        await HubServer.AssertErrorAsync(missing, HttpStatusCode.NotFound, "EntryNotFound");
        Assert.Equal(await HeadAsync(repo), missing.Headers.GetValues("X-Repo-Commit").Single());
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/nowhere/a.txt"),
            HttpStatusCode.NotFound, "RevisionNotFound");
        await HubServer.AssertErrorAsync(await _hub.CommitAsync(repo, _hub.Ana, "remove", null, ("deletedFile", new { path = "a.txt" })),
            HttpStatusCode.NotFound, "EntryNotFound");
    }

    [Fact]
    public async Task A_large_file_is_a_pointer_in_git_and_whole_by_resolve()
    {
        var repo = await _hub.CreateRepoAsync("large", "dataset");
        repo = $"datasets/{repo}";
        var bytes = Bytes(300_000, 1);
        await _hub.UploadAsync(repo, bytes);
        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "large", null, HubServer.Large("data/x y.weights", bytes)));
        Assert.Equal(bytes, await (await _hub.GetAsync($"/{repo}/resolve/main/data/x%20y.weights")).Content.ReadAsByteArrayAsync());

        var head = await _hub.SendAsync(HttpMethod.Head, $"/{repo}/resolve/main/data/x%20y.weights");
        Assert.Equal($"\"{HubServer.Sha256(bytes)}\"", head.Headers.ETag!.Tag);
        Assert.Equal($"\"{HubServer.Sha256(bytes)}\"", head.Headers.GetValues("X-Linked-Etag").Single());
        Assert.Equal("300000", head.Headers.GetValues("X-Linked-Size").Single());

        var pointer = await (await _hub.GetAsync($"/{repo}/raw/main/data/x%20y.weights")).Content.ReadAsStringAsync();
        Assert.Equal($"version https://git-lfs.github.com/spec/v1\noid sha256:{HubServer.Sha256(bytes)}\nsize 300000\n", pointer);
        var entry = (await _hub.GetJsonAsync($"/api/{repo}/tree/main/data"))[0];
        Assert.Equal(300_000, entry.GetProperty("size").GetInt64());
        Assert.Equal(pointer.Length, entry.GetProperty("lfs").GetProperty("pointerSize").GetInt32());
        // No pattern covered the name: git-lfs is told of it, once.
        var attributes = await (await _hub.GetAsync($"/{repo}/raw/main/.gitattributes")).Content.ReadAsStringAsync();
        Assert.EndsWith("data/x[[:space:]]y.weights filter=lfs diff=lfs merge=lfs -text\n", attributes);
        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "again", null, ("deletedFile", new { path = "data/x y.weights" }),
            HubServer.Large("data/x y.weights", bytes)));
        Assert.Equal(attributes, await (await _hub.GetAsync($"/{repo}/raw/main/.gitattributes")).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Ranges_and_conditions_are_those_of_http()
    {
        var repo = await _hub.CreateRepoAsync("ranges");
        var bytes = Bytes(400_000, 2);
        await _hub.UploadAsync(repo, bytes);
        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "x", null, HubServer.Large("x.bin", bytes),
            HubServer.File("s.txt", "0123456789")));
        foreach (var (path, content) in new[] { ("x.bin", bytes), ("s.txt", "0123456789"u8.ToArray()) })
        {
            var url = $"/{repo}/resolve/main/{path}";
            foreach (var (range, start, length) in new[] { ("bytes=0-0", 0, 1), ("bytes=3-5", 3, 3), ("bytes=5-", 5, content.Length - 5),
                ("bytes=-4", content.Length - 4, 4), ("bytes=2-99999999", 2, content.Length - 2) })
            {
                var part = await _hub.SendAsync(HttpMethod.Get, url, null, null, ("Range", range));
                Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
                Assert.Equal($"bytes {start}-{start + length - 1}/{content.Length}", part.Content.Headers.ContentRange!.ToString());
                Assert.Equal(content[start..(start + length)], await part.Content.ReadAsByteArrayAsync());
            }
            var outside = await _hub.SendAsync(HttpMethod.Get, url, null, null, ("Range", $"bytes={content.Length}-"));
            Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, outside.StatusCode);
            Assert.Equal($"bytes */{content.Length}", outside.Content.Headers.ContentRange!.ToString());
            foreach (var whole in new[] { "bytes=5-3", "bytes=0-1,3-4", "lines=1-2", "bytes=x-" })
                Assert.Equal(content,
                    await (await _hub.SendAsync(HttpMethod.Get, url, null, null, ("Range", whole))).Content.ReadAsByteArrayAsync());

            var etag = (await _hub.SendAsync(HttpMethod.Head, url)).Headers.ETag!.Tag;
            Assert.Equal(HttpStatusCode.NotModified,
                (await _hub.SendAsync(HttpMethod.Get, url, null, null, ("If-None-Match", etag))).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await _hub.SendAsync(HttpMethod.Get, url, null, null, ("If-None-Match", "\"x\""))).StatusCode);
            Assert.Equal(HttpStatusCode.PreconditionFailed,
                (await _hub.SendAsync(HttpMethod.Get, url, null, null, ("If-Match", "\"x\""))).StatusCode);
            Assert.Equal(HttpStatusCode.PartialContent,
                (await _hub.SendAsync(HttpMethod.Get, url, null, null, ("Range", "bytes=0-1"), ("If-Range", etag))).StatusCode);
            Assert.Equal(content,
                await (await _hub.SendAsync(HttpMethod.Get, url, null, null, ("Range", "bytes=0-1"),
                    ("If-Range", "\"x\""))).Content.ReadAsByteArrayAsync());
        }
    }

    [Fact]
    public async Task A_stale_parent_is_told_and_a_retry_is_the_same_commit()
    {
        var repo = await _hub.CreateRepoAsync("race");
        var parent = await HeadAsync(repo);
        (string, object)[] lines = [HubServer.File("a.txt", "1"), ("deletedFile", new { path = ".gitattributes" })];
        var first = await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "one", parent, lines));
        Assert.Equal($"{_hub.Address}/{repo}/commit/{first.GetProperty("commitOid").GetString()}",
            first.GetProperty("commitUrl").GetString());
        foreach (var expected in new[] { parent, parent[..7], null })
            Assert.Equal(first.GetProperty("commitOid").GetString(),
                (await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "one", expected, lines))).GetProperty("commitOid")
                    .GetString());
        Assert.Equal(2, (await _hub.GetJsonAsync($"/api/models/{repo}/commits/main")).GetArrayLength());

        var message = await HubServer.AssertErrorAsync(await _hub.CommitAsync(repo, _hub.Ana, "two", parent, HubServer.File("a.txt", "2")),
            HttpStatusCode.PreconditionFailed);
        Assert.Equal("The branch was updated since you opened this page. Please refresh and try again.", message);
    }

    [Fact]
    public async Task Of_many_commits_at_once_each_is_kept_and_of_many_on_one_parent_one_is()
    {
        var repo = await _hub.CreateRepoAsync("crowd");
        var all =
            await Task.WhenAll(Enumerable.Range(0, 12)
                .Select(i => _hub.CommitAsync(repo, _hub.Ana, $"c{i}", null, HubServer.File($"f{i}.txt", $"{i}"))));
        Assert.All(all, r => Assert.Equal(HttpStatusCode.OK, r.StatusCode));
        Assert.Equal(13, (await PathsAsync(repo)).Length);
        Assert.Equal(13, (await _hub.GetJsonAsync($"/api/models/{repo}/commits/main")).GetArrayLength());

        var parent = await HeadAsync(repo);
        var race =
            await Task.WhenAll(Enumerable.Range(0, 8)
                .Select(i => _hub.CommitAsync(repo, _hub.Ana, $"r{i}", parent, HubServer.File("same.txt", $"{i}"))));
        Assert.Single(race, r => r.StatusCode == HttpStatusCode.OK);
        Assert.All(race.Where(r => r.StatusCode != HttpStatusCode.OK), r => Assert.Equal(HttpStatusCode.PreconditionFailed, r.StatusCode));
    }

    [Fact]
    public async Task To_know_a_hash_is_not_to_have_the_file()
    {
        var secret = Bytes(200_000, 3);
        var mine = await _hub.CreateRepoAsync("secret", isPrivate: true);
        await _hub.UploadAsync(mine, secret);
        await HubServer.JsonOf(await _hub.CommitAsync(mine, _hub.Ana, "x", null, HubServer.Large("s.bin", secret)));

        var other = await _hub.CreateRepoAsync("thief", token: _hub.Ben);
        var refused = await HubServer.AssertErrorAsync(await _hub.CommitAsync(other, _hub.Ben, "x", null, HubServer.Large("s.bin", secret)),
            HttpStatusCode.BadRequest);
        var unknown =
            await HubServer.AssertErrorAsync(await _hub.CommitAsync(other, _hub.Ben, "x", null, HubServer.Large("s.bin", Bytes(10, 4))),
                HttpStatusCode.BadRequest);
        Assert.Equal(unknown.Replace(HubServer.Sha256(Bytes(10, 4)), ""), refused.Replace(HubServer.Sha256(secret), ""));
        // Nor is a pointer that somebody wrote by hand.
        await _hub.CommitFilesAsync(other, _hub.Ben,
            ("p.txt", $"version https://git-lfs.github.com/spec/v1\noid sha256:{HubServer.Sha256(secret)}\nsize {secret.Length}\n"));
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{other}/resolve/main/p.txt", _hub.Ben),
            HttpStatusCode.NotFound, "EntryNotFound");

        // The owner may copy between her own repositories, and anyone from a public one.
        var copy = await _hub.CreateRepoAsync("copy");
        await HubServer.JsonOf(await _hub.CommitAsync(copy, _hub.Ana, "x", null,
            ("lfsFile", new { path = "s.bin", algo = "sha256", oid = HubServer.Sha256(secret) })));
        await HubServer.JsonOf(await _hub.CommitAsync(other, _hub.Ben, "x", null, HubServer.Large("s.bin", secret)));
        Assert.Equal(secret, await (await _hub.GetAsync($"/{other}/resolve/main/s.bin")).Content.ReadAsByteArrayAsync());
        await HubServer.AssertErrorAsync(await _hub.CommitAsync(other, _hub.Ben, "x", null,
            ("lfsFile", new { path = "t.bin", algo = "sha256", oid = HubServer.Sha256(secret), size = 1 })), HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Private_repositories_are_not_there_for_others()
    {
        var repo = await _hub.CreateRepoAsync("hidden", isPrivate: true);
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "x"));
        foreach (var token in new[] { null, _hub.Ben })
            foreach (var url in new[] { $"/{repo}/resolve/main/a.txt", $"/api/models/{repo}/tree/main", $"/api/models/{repo}/refs",
                $"/api/models/{repo}/commits/main" })
                await HubServer.AssertErrorAsync(await _hub.GetAsync(url, token), HttpStatusCode.NotFound, "RepoNotFound");
        await HubServer.AssertErrorAsync(await _hub.CommitAsync(repo, _hub.Ben, "x", null, HubServer.File("a.txt", "y")),
            HttpStatusCode.NotFound, "RepoNotFound");

        var read = await _hub.Accounts.AddTokenAsync("ana", "r", TokenRole.Read, null, null, default);
        Assert.Equal(HttpStatusCode.OK, (await _hub.GetAsync($"/{repo}/resolve/main/a.txt", read)).StatusCode);
        await HubServer.AssertErrorAsync(await _hub.CommitAsync(repo, read, "x", null, HubServer.File("a.txt", "y")),
            HttpStatusCode.Forbidden);
        var fine = await _hub.Accounts.AddTokenAsync("ana", "f", TokenRole.FineGrained, [new("ana/other", Right.Write)], null, default);
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/main/a.txt", fine), HttpStatusCode.NotFound, "RepoNotFound");
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/main/a.txt", "hf_wrong"), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_shortened_commit_id_is_a_revision_while_it_names_one_commit()
    {
        var repo = await _hub.CreateRepoAsync("short");
        var commit = await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "1"));
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "2"));
        foreach (var name in new[] { commit[..7], commit[..12].ToUpperInvariant(), commit[..39] })
            Assert.Equal("1", await (await _hub.GetAsync($"/{repo}/resolve/{name}/a.txt")).Content.ReadAsStringAsync());
        Assert.Equal(commit, (await _hub.GetJsonAsync($"/api/models/{repo}/revision/{commit[..8]}")).GetProperty("sha").GetString());
        // Too short, no commit's, a file's.
        foreach (var name in new[] { commit[..6], "0123456", "b6fc4c620b", "56a6051ca2b02b04ef92d5150c9ef600403cb1de"[..10] })
            await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/{name}/a.txt"),
                HttpStatusCode.NotFound, "RevisionNotFound");
        // A branch's name goes first.
        await HubServer.JsonOf(await _hub.PostAsync($"/api/models/{repo}/branch/{commit[..7]}", new { startingPoint = "main" }, _hub.Ana));
        Assert.Equal("2", await (await _hub.GetAsync($"/{repo}/resolve/{commit[..7]}/a.txt")).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_folder_may_be_deleted_as_if_it_were_a_file()
    {
        var repo = await _hub.CreateRepoAsync("folder");
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("d/e/a.txt", "1"), ("d/b.txt", "2"), ("f.txt", "3"));
        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "x", null, ("deletedFile", new { path = "d/e" })));
        Assert.Equal([".gitattributes", "d/b.txt", "f.txt"], await PathsAsync(repo));
        await HubServer.AssertErrorAsync(await _hub.CommitAsync(repo, _hub.Ana, "x", null, ("deletedFolder", new { path = "f.txt" })),
            HttpStatusCode.NotFound, "EntryNotFound");
        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "x", null, ("deletedFolder", new { path = "d/" }),
            HubServer.File("d", "now a file")));
        Assert.Equal([".gitattributes", "d", "f.txt"], await PathsAsync(repo));
    }

    [Fact]
    public async Task Paths_that_mean_something_else_elsewhere_are_refused()
    {
        var repo = await _hub.CreateRepoAsync("paths");
        var head = await HeadAsync(repo);
        foreach (var path in new[]
        {
            "../x", "a/../b", "./a", "/a", "a//b", "..\\x", "a\u0001", "a\nb", "", "name:stream", "a\u202eb", "a\u200fb", "a\u0085",
            "a\u2028b", "x/.git/config", ".GIT", ".g\u200cit/x", "C:x", "a. ", "a.",
        })
            await HubServer.AssertErrorAsync(await _hub.CommitAsync(repo, _hub.Ana, "x", null, HubServer.File("ok.txt", "x"),
                HubServer.File(path, "x")), HttpStatusCode.UnprocessableEntity);
        Assert.Equal(head, await HeadAsync(repo));
    }

    [Fact]
    public async Task Bodies_that_are_no_commits_change_nothing()
    {
        var repo = await _hub.CreateRepoAsync("hostile");
        var head = await HeadAsync(repo);
        async Task<HttpResponseMessage> Send(string body) =>
            await _hub.SendAsync(HttpMethod.Post, $"/api/models/{repo}/commit/main", _hub.Ana, new StringContent(body));
        const string Header = "{\"key\":\"header\",\"value\":{\"summary\":\"x\"}}\n";
        foreach (var body in new[]
        {
            "", "x", "{}", "null", "[]",
            Header + "{\"key\":\"file\",\"value\":{\"path\":\"a\",\"content\":\"!!\",\"encoding\":\"base64\"}}",
            Header + "{\"key\":\"file\",\"value\":{\"path\":5}}", Header + "{\"key\":\"nonsense\",\"value\":{}}",
            "{\"key\":\"file\",\"value\":{\"path\":\"a\",\"content\":\"\"}}",
            Header + "{\"key\":\"lfsFile\",\"value\":{\"path\":\"a\",\"oid\":\"zz\"}}",
            Header + "{\"key\":\"lfsFile\",\"value\":{\"path\":\"a\",\"oid\":\"../../etc/passwd\"}}",
            Header + new string('[', 100_000),
        })
            await HubServer.AssertErrorAsync(await Send(body), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await Send(Header + "{\"key\":\"file\",\"value\":{\"path\":\""
            + string.Join('/', Enumerable.Repeat("a", 10_000)) + "\",\"content\":\"\"}}"), HttpStatusCode.UnprocessableEntity);
        await HubServer.AssertErrorAsync(await Send(Header + "{\"key\":\"file\",\"value\":{\"path\":\"a\",\"content\":\""
            + new string('A', 15_000_000) + "\",\"encoding\":\"base64\"}}"), HttpStatusCode.RequestEntityTooLarge);
        await HubServer.AssertErrorAsync(await Send(Header
            + "{\"key\":\"file\",\"value\":{\"path\":\".gitattributes/x\",\"content\":\"\"}}"), HttpStatusCode.BadRequest);
        Assert.Equal(head, await HeadAsync(repo));
    }

    [Fact]
    public async Task Preupload_says_how_each_file_should_come()
    {
        var repo = await _hub.CreateRepoAsync("pre");
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("there.txt", "hello"), (".gitignore", "*.log\nout/\n!keep.log\n"));
        var text = Convert.ToBase64String("text"u8);
        var answer = await _hub.PostJsonAsync($"/api/models/{repo}/preupload/main", new
        {
            files = new object[]
            {
                new { path = "there.txt", sample = text, size = 5 }, new { path = "m.safetensors", sample = text, size = 5 },
                new { path = "big.txt", sample = text, size = 11 << 20 },
                new { path = "x.dat", sample = Convert.ToBase64String(new byte[] { 1, 0, 2 }), size = 3 },
                new { path = "a/b.log", sample = text, size = 1 },
                new { path = "keep.log", sample = text, size = 1 }, new { path = "out/x.txt", sample = text, size = 1 },
                new { path = "saved_model/v/1/x", sample = text, size = 1 },
            },
        }, _hub.Ana);
        Assert.Equal(
            ["regular False b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0", "lfs False ", "lfs False ", "lfs False ", "regular True ",
                "regular False ", "regular True ", "lfs False "],
            answer.GetProperty("files").EnumerateArray()
                .Select(f =>
                    $"{f.GetProperty("uploadMode").GetString()} {f.GetProperty("shouldIgnore").GetBoolean()} {(f.TryGetProperty("oid", out var o) ? o.GetString() : "")}"));
    }

    [Fact]
    public async Task A_commit_may_become_a_pull_request()
    {
        var repo = await _hub.CreateRepoAsync("pr");
        var body =
            "{\"key\":\"header\",\"value\":{\"summary\":\"x\"}}\n{\"key\":\"file\",\"value\":{\"path\":\"a.txt\",\"content\":\"pr\",\"encoding\":\"utf-8\"}}";
        var made =
            await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Post, $"/api/models/{repo}/commit/main?create_pr=1", _hub.Ana,
                new StringContent(body)));
        Assert.Equal($"{_hub.Address}/{repo}/discussions/1", made.GetProperty("pullRequestUrl").GetString());
        Assert.Equal("pr", await (await _hub.GetAsync($"/{repo}/resolve/refs%2Fpr%2F1/a.txt")).Content.ReadAsStringAsync());
        // as clients that do not escape ask
        Assert.Equal(2, (await _hub.GetJsonAsync($"/api/models/{repo}/tree/refs/pr/1")).GetArrayLength());
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/main/a.txt"), HttpStatusCode.NotFound, "EntryNotFound");
    }
}
