using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Banyan.Server.Tests.Maintenance;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Hub;

/// <summary>Repositories as such: told about, listed, branched, moved, set, removed.</summary>
public sealed class RepoTests : IAsyncLifetime
{
    HubServer _hub = null!;

    public async ValueTask InitializeAsync() => _hub = await HubServer.StartAsync();

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    const string Card = """
        ---
        license: apache-2.0
        language: [id, en]
        tags:
        - code
        - banyan
        base_model: acme/base
        pipeline_tag: text-generation
        extra: {n: 1, big: 1.5, yes: true, text: "1"}
        ---
        # Coder
        """;

    static byte[] Safetensors()
    {
        var header =
            Encoding.UTF8.GetBytes(
                """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[5],"data_offsets":[24,34]}}""");
        return [.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[34]];
    }

    async Task<string> CoderAsync()
    {
        var repo = await _hub.CreateRepoAsync("coder");
        var weights = Safetensors();
        await _hub.UploadAsync(repo, weights);
        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "card", null, HubServer.File("README.md", Card),
            HubServer.File("config.json", """{"architectures":["LlamaForCausalLM"],"model_type":"llama"}"""),
            HubServer.Large("model.safetensors", weights)));
        return repo;
    }

    [Fact]
    public async Task Programs_find_the_weights_that_they_read()
    {
        await CoderAsync();
        foreach (var (query, found) in new[] { ("apps=vllm", 1), ("apps=llama.cpp", 0), ("apps=unheard-of", 0), ("inference=warm", 0),
            ("inference_provider=all", 0) })
            Assert.Equal(found, (await _hub.GetJsonAsync($"/api/models?{query}")).GetArrayLength());
    }

    [Fact]
    public async Task What_is_not_part_of_the_hub_says_so_in_json()
    {
        var repo = await _hub.CreateRepoAsync("plain");
        foreach (var path in new[] { "/api/papers", "/oauth/nothing", $"/api/models/{repo}/duplicate" })
            await HubServer.AssertErrorAsync(await _hub.GetAsync(path, _hub.Ana), HttpStatusCode.NotImplemented, "NotImplemented");
        // What people copy from a browser is the file.
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("a/b.txt", "text"));
        Assert.Equal("text", await (await _hub.GetAsync($"/{repo}/blob/main/a/b.txt")).Content.ReadAsStringAsync());
        Assert.StartsWith("\"expand\" must be one of [author, ",
            await HubServer.AssertErrorAsync(await _hub.GetAsync($"/api/models/{repo}?expand=nothing"), HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task A_model_tells_what_its_card_and_its_weights_say()
    {
        var repo = await CoderAsync();
        var info = await _hub.GetJsonAsync($"/api/models/{repo}?blobs=true");
        Assert.Equal(repo, info.GetProperty("id").GetString());
        Assert.Equal("ana", info.GetProperty("author").GetString());
        Assert.Matches("^[0-9a-f]{40}$", info.GetProperty("sha").GetString());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", info.GetProperty("lastModified").GetString());
        Assert.Equal(JsonValueKind.False, info.GetProperty("gated").ValueKind);
        Assert.Equal("text-generation", info.GetProperty("pipeline_tag").GetString());
        Assert.Equal("transformers", info.GetProperty("library_name").GetString());
        Assert.Equal("""{"parameters":{"BF16":5,"F32":6},"total":11}""", info.GetProperty("safetensors").GetRawText());
        Assert.Equal("""{"n":1,"big":1.5,"yes":true,"text":"1"}""", info.GetProperty("cardData").GetProperty("extra").GetRawText());
        Assert.Equal(
            ["transformers", "code", "banyan", "safetensors", "llama", "text-generation", "id", "en",
                "base_model:acme/base", "license:apache-2.0"],
            info.GetProperty("tags").EnumerateArray().Select(t => t.GetString()));
        var sibling = info.GetProperty("siblings").EnumerateArray()
            .Single(s => s.GetProperty("rfilename").GetString() == "model.safetensors");
        Assert.Equal(Safetensors().Length, sibling.GetProperty("size").GetInt32());
        Assert.Equal(HubServer.Sha256(Safetensors()), sibling.GetProperty("lfs").GetProperty("sha256").GetString());

        var sha = info.GetProperty("sha").GetString();
        Assert.Equal(sha, (await _hub.GetJsonAsync($"/api/models/{repo}/revision/main")).GetProperty("sha").GetString());
        var some = await _hub.GetJsonAsync($"/api/models/{repo}/revision/{sha}?expand[]=sha&expand=usedStorage&expand=baseModels");
        Assert.Equal(["_id", "baseModels", "id", "modelId", "sha", "usedStorage"],
            some.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        Assert.Equal(Safetensors().Length, some.GetProperty("usedStorage").GetInt64());
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/api/models/{repo}?expand=nonsense"), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/api/models/{repo}/revision/nowhere"),
            HttpStatusCode.NotFound, "RevisionNotFound");
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/models/ana/nothing"), HttpStatusCode.NotFound, "RepoNotFound");
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/api/datasets/{repo}"), HttpStatusCode.NotFound, "RepoNotFound");
    }

    [Fact]
    public async Task A_gguf_file_tells_of_itself()
    {
        var bytes = await File.ReadAllBytesAsync(SharedData.Path("models", $"{TestServer.Stories}.gguf"));
        var repo = await _hub.CreateRepoAsync("stories");
        await _hub.UploadAsync(repo, bytes);
        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "x", null, HubServer.Large("s.gguf", bytes)));
        var gguf = (await _hub.GetJsonAsync($"/api/models/{repo}")).GetProperty("gguf");
        Assert.Equal("llama", gguf.GetProperty("architecture").GetString());
        Assert.InRange(gguf.GetProperty("total").GetInt64(), 250_000, 300_000);
        Assert.True(gguf.GetProperty("context_length").GetInt64() > 0);
    }

    [Fact]
    public async Task Lists_hold_what_the_caller_may_see_and_asked_for()
    {
        await CoderAsync();
        await _hub.CreateRepoAsync("zebra");
        await _hub.CreateRepoAsync("hidden", isPrivate: true);
        await _hub.CreateRepoAsync("shared", isPrivate: true, organization: "acme");
        async Task<string[]> Ids(string query, string? token = null) =>
            [.. (await _hub.GetJsonAsync($"/api/models?{query}", token)).EnumerateArray().Select(m => m.GetProperty("id").GetString()!)];
        Assert.Equal(["ana/coder", "ana/zebra"], await Ids("sort=name&direction=1"));
        Assert.Equal(["acme/shared", "ana/coder", "ana/hidden", "ana/zebra"], await Ids("sort=name&direction=1", _hub.Ana));
        Assert.Equal(["ana/coder", "ana/zebra"], await Ids("sort=name&direction=1", _hub.Ben));
        Assert.Equal(["acme/shared"], await Ids("author=ACME", _hub.Ana));
        Assert.Equal(["ana/coder"], await Ids("search=COD"));
        Assert.Equal(["ana/coder"], await Ids("filter=code&filter=license:apache-2.0"));
        Assert.Empty(await Ids("filter=code&filter=license:mit"));
        Assert.Equal(["ana/coder"], await Ids("pipeline_tag=text-generation"));
        Assert.Equal(["ana/coder"], await Ids("num_parameters=min:5,max:1K"));
        Assert.Empty(await Ids("num_parameters=min:1B"));
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/models?sort=nonsense"), HttpStatusCode.BadRequest);

        var first = await _hub.GetAsync("/api/models?limit=1&sort=name&direction=1");
        var next = first.Headers.GetValues("Link").Single();
        Assert.EndsWith(">; rel=\"next\"", next);
        Assert.Equal("ana/zebra", (await _hub.GetJsonAsync(next[1..next.IndexOf('>')])).EnumerateArray().Single()
            .GetProperty("id").GetString());
        Assert.Contains("id\":\"license:apache-2.0\"", await (await _hub.GetAsync("/api/models-tags-by-type")).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Branches_and_tags_come_and_go()
    {
        var repo = await _hub.CreateRepoAsync("branches");
        var api = $"/api/models/{repo}";
        var commit = await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "1"));
        await HubServer.JsonOf(await _hub.PostAsync($"{api}/branch/dev%2Fone", new { startingPoint = "main" }, _hub.Ana));
        Assert.Equal("Reference refs/heads/dev/one already exists",
            await HubServer.AssertErrorAsync(await _hub.PostAsync($"{api}/branch/dev%2Fone", new { }, _hub.Ana), HttpStatusCode.Conflict));
        await HubServer.JsonOf(await _hub.PostAsync($"{api}/branch/empty", new { emptyBranch = true }, _hub.Ana));
        Assert.Equal(0, (await _hub.GetJsonAsync($"{api}/tree/empty")).GetArrayLength());
        await HubServer.JsonOf(await _hub.PostAsync($"{api}/branch/empty", new { overwrite = true, startingPoint = commit }, _hub.Ana));
        Assert.Equal(2, (await _hub.GetJsonAsync($"{api}/tree/empty")).GetArrayLength());
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{api}/branch/a..b", new { }, _hub.Ana), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{api}/branch/x", new { startingPoint = "nowhere" }, _hub.Ana),
            HttpStatusCode.NotFound, "RevisionNotFound");

        await HubServer.JsonOf(await _hub.PostAsync($"{api}/tag/main", new { tag = "v1" }, _hub.Ana));
        await HubServer.JsonOf(await _hub.PostAsync($"{api}/tag/{commit}", new { tag = "v2", message = "with words" }, _hub.Ana));
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{api}/tag/main", new { tag = "v1" }, _hub.Ana), HttpStatusCode.Conflict);
        Assert.Equal("1", await (await _hub.GetAsync($"/{repo}/resolve/v2/a.txt")).Content.ReadAsStringAsync());
        Assert.Equal("1", await (await _hub.GetAsync($"/{repo}/resolve/dev%2Fone/a.txt")).Content.ReadAsStringAsync());
        var refs = await _hub.GetJsonAsync($"{api}/refs");
        Assert.Equal(["dev/one", "empty", "main"],
            refs.GetProperty("branches").EnumerateArray().Select(b => b.GetProperty("name").GetString()));
        Assert.All(refs.GetProperty("tags").EnumerateArray(), t => Assert.Equal(commit, t.GetProperty("targetCommit").GetString()));

        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Delete, $"{api}/tag/v1", _hub.Ana));
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Delete, $"{api}/branch/dev%2Fone", _hub.Ana));
        await HubServer.AssertErrorAsync(await _hub.SendAsync(HttpMethod.Delete, $"{api}/branch/dev%2Fone", _hub.Ana),
            HttpStatusCode.NotFound, "RevisionNotFound");
        Assert.Equal("Cannot delete refs/heads/main",
            await HubServer.AssertErrorAsync(await _hub.SendAsync(HttpMethod.Delete, $"{api}/branch/main", _hub.Ana),
                HttpStatusCode.Forbidden));

        await HubServer.JsonOf(await _hub.PostAsync($"{api}/super-squash/main", new { message = "one" }, _hub.Ana));
        var commits = await _hub.GetAsync($"{api}/commits/main?expand[]=formatted");
        Assert.Equal("1", commits.Headers.GetValues("X-Total-Count").Single());
        Assert.Equal("one", (await HubServer.JsonOf(commits))[0].GetProperty("formatted").GetProperty("title").GetString());
        Assert.Equal("1", await (await _hub.GetAsync($"/{repo}/resolve/main/a.txt")).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_moved_repository_is_found_by_its_old_name_too()
    {
        var repo = await _hub.CreateRepoAsync("old");
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "1"));
        await HubServer.JsonOf(await _hub.PostAsync("/api/repos/move",
            new { fromRepo = "ana/old", toRepo = "acme/new", type = "model" }, _hub.Ana));
        foreach (var name in new[] { "ana/old", "acme/new", "ANA/Old" })
        {
            Assert.Equal("1", await (await _hub.GetAsync($"/{name}/resolve/main/a.txt")).Content.ReadAsStringAsync());
            Assert.Equal("acme/new", (await _hub.GetJsonAsync($"/api/models/{name}")).GetProperty("id").GetString());
        }
        // What is read is led to the new name, what is sent is taken under the old one too, and a name without a right tells nothing.
        using (var direct = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(_hub.Address) })
            foreach (var (from, to) in new[]
            {
                ("/ana/old/resolve/main/a%20b.txt?download=true", "/acme/new/resolve/main/a%20b.txt?download=true"),
                ("/api/models/ana/old", "/api/models/acme/new"),
                ("/api/models/ANA/old/revision/refs%2Fheads%2Fmain?blobs=1", "/api/models/acme/new/revision/refs%2Fheads%2Fmain?blobs=1"),
            })
            {
                var moved = await direct.SendAsync(new HttpRequestMessage(HttpMethod.Get, from));
                Assert.Equal((HttpStatusCode.TemporaryRedirect, to), (moved.StatusCode, moved.Headers.Location!.OriginalString));
            }
        await _hub.CommitFilesAsync("ana/old", _hub.Ana, ("b.txt", "2"));
        Assert.Equal("2", await (await _hub.GetAsync("/acme/new/resolve/main/b.txt")).Content.ReadAsStringAsync());
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Put, "/api/models/acme/new/settings", _hub.Ana,
            JsonContent.Create(new { @private = true })));
        await HubServer.AssertErrorAsync(await _hub.GetAsync("/api/models/ana/old", _hub.Ben), HttpStatusCode.NotFound, "RepoNotFound");

        await _hub.CreateRepoAsync("other");
        var taken =
            await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/repos/move", new { fromRepo = "ana/other", toRepo = "acme/new" },
                _hub.Ana), HttpStatusCode.Conflict);
        Assert.Equal("A model repository called acme/new already exists", taken);
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/repos/move", new { fromRepo = "ana/other", toRepo = "ben/other" },
            _hub.Ana), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await _hub.PostAsync("/api/repos/move", new { fromRepo = "ana/other", toRepo = "ben/other" },
            _hub.Ben), HttpStatusCode.Forbidden);

        // The owner of the namespace may use the name again.
        await _hub.CreateRepoAsync("old");
        Assert.Equal("ana/old", (await _hub.GetJsonAsync("/api/models/ana/old")).GetProperty("id").GetString());
    }

    [Fact]
    public async Task Settings_take_effect_at_once()
    {
        var repo = await _hub.CreateRepoAsync("set");
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "1"));
        async Task Set(object settings) =>
            await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Put, $"/api/models/{repo}/settings", _hub.Ana,
                JsonContent.Create(settings)));
        Assert.Equal(HttpStatusCode.OK, (await _hub.GetAsync($"/{repo}/resolve/main/a.txt")).StatusCode);
        await Set(new { visibility = "private" });
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/main/a.txt"), HttpStatusCode.NotFound, "RepoNotFound");
        await Set(new { @private = false, gated = "manual" });
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/main/a.txt"), HttpStatusCode.Unauthorized, "GatedRepo");
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/main/a.txt", _hub.Ben),
            HttpStatusCode.Forbidden, "GatedRepo");
        Assert.Equal(HttpStatusCode.OK, (await _hub.GetAsync($"/{repo}/resolve/main/a.txt", _hub.Ana)).StatusCode);
        Assert.Equal("manual", (await _hub.GetJsonAsync($"/api/models/{repo}")).GetProperty("gated").GetString());
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/api/models/{repo}/auth-check", _hub.Ben),
            HttpStatusCode.Forbidden, "GatedRepo");
        await Set(new { gated = false });
        Assert.Equal(HttpStatusCode.OK, (await _hub.GetAsync($"/{repo}/resolve/main/a.txt")).StatusCode);
        await HubServer.AssertErrorAsync(await _hub.SendAsync(HttpMethod.Put, $"/api/models/{repo}/settings", _hub.Ben,
            JsonContent.Create(new { visibility = "private" })), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await _hub.SendAsync(HttpMethod.Put, $"/api/models/{repo}/settings", _hub.Ana,
            JsonContent.Create(new { gated = "perhaps" })), HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_removed_repository_is_gone_and_its_name_is_its_owners()
    {
        var repo = await _hub.CreateRepoAsync("gone");
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "1"));
        Task<HttpResponseMessage> Delete(string? token) =>
            _hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", token,
                JsonContent.Create(new { name = "gone", organization = "ana", type = "model" }));
        await HubServer.AssertErrorAsync(await Delete(_hub.Ben), HttpStatusCode.Forbidden);
        await HubServer.JsonOf(await Delete(_hub.Ana));
        await HubServer.AssertErrorAsync(await Delete(_hub.Ana), HttpStatusCode.NotFound, "RepoNotFound");
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/main/a.txt"), HttpStatusCode.NotFound, "RepoNotFound");
        await _hub.CreateRepoAsync("gone");
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/main/a.txt"), HttpStatusCode.NotFound, "EntryNotFound");
    }

    [Fact]
    public async Task Large_files_can_be_let_go_for_good()
    {
        var repo = await _hub.CreateRepoAsync("lfs");
        byte[] keep = [.. Enumerable.Range(0, 5000).Select(i => (byte)i)], drop = [.. keep.Reverse()];
        await _hub.UploadAsync(repo, keep);
        await _hub.UploadAsync(repo, drop);
        var before = await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "1"));
        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "two", null, HubServer.Large("keep.bin", keep),
            HubServer.Large("d/drop.bin", drop)));
        await HubServer.JsonOf(await _hub.PostAsync($"/api/models/{repo}/tag/main", new { tag = "v1", message = "m" }, _hub.Ana));
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "2"));
        var files = await _hub.GetJsonAsync($"/api/models/{repo}/lfs-files", _hub.Ana);
        Assert.Equal(["d/drop.bin", "keep.bin"],
            files.EnumerateArray().Select(f => f.GetProperty("filename").GetString()).Order(StringComparer.Ordinal));

        await HubServer.JsonOf(await _hub.PostAsync($"/api/models/{repo}/lfs-files/batch",
            new { deletions = new { sha = new[] { HubServer.Sha256(drop) }, rewriteHistory = true } }, _hub.Ana));
        Assert.Equal(["keep.bin"], (await _hub.GetJsonAsync($"/api/models/{repo}/lfs-files", _hub.Ana)).EnumerateArray()
            .Select(f => f.GetProperty("filename").GetString()));
        foreach (var revision in new[] { "main", "v1" })
        {
            Assert.Equal([".gitattributes", "a.txt", "keep.bin"],
                (await _hub.GetJsonAsync($"/api/models/{repo}/tree/{revision}?recursive=true")).EnumerateArray()
                    .Select(e => e.GetProperty("path").GetString()));
            Assert.Equal(keep, await (await _hub.GetAsync($"/{repo}/resolve/{revision}/keep.bin")).Content.ReadAsByteArrayAsync());
        }
        var commits = await _hub.GetJsonAsync($"/api/models/{repo}/commits/main");
        Assert.Equal(["files", "two", "files", "initial commit"], commits.EnumerateArray().Select(c => c.GetProperty("title").GetString()));
        Assert.Equal(before, commits[2].GetProperty("id").GetString());   // before the file came nothing changed
        // Nor does the pointer bring it back: the repository no longer has it.
        await HubServer.AssertErrorAsync(await _hub.CommitAsync(repo, _hub.Ana, "again", null, HubServer.Large("again.bin", drop)),
            HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"/api/models/{repo}/lfs-files/batch",
            new { deletions = new { sha = new[] { "../x" } } }, _hub.Ana), HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Large_files_go_to_another_repository_without_moving()
    {
        var (source, target) = (await _hub.CreateRepoAsync("source", isPrivate: true), await _hub.CreateRepoAsync("target", "dataset"));
        byte[] bytes = [.. Enumerable.Range(0, 9000).Select(i => (byte)(i * 7))];
        var oid = HubServer.Sha256(bytes);
        await _hub.UploadAsync(source, bytes);
        Task<HttpResponseMessage> Duplicate(string token, string to, params object[] files) =>
            _hub.PostAsync($"/api/models/{source}/lfs-files/duplicate", new { target = new { type = "dataset", name = to }, files }, token);
        await HubServer.AssertErrorAsync(await Duplicate(_hub.Ben, target, new { sha256 = oid }), HttpStatusCode.NotFound, "RepoNotFound");
        await HubServer.AssertErrorAsync(await Duplicate(_hub.Ana, "ben/nothing", new { sha256 = oid }),
            HttpStatusCode.NotFound, "RepoNotFound");
        await HubServer.AssertErrorAsync(await Duplicate(_hub.Ana, target), HttpStatusCode.BadRequest);
        var answer =
            await HubServer.JsonOf(await Duplicate(_hub.Ana, target, new { sha256 = oid, filename = "a.bin" },
                new { sha256 = new string('0', 64) }, new { sha256 = oid, xetHash = new string('0', 64) }));
        Assert.Equal([new string('0', 64), oid],
            answer.GetProperty("failed").EnumerateArray().Select(f => f.GetProperty("sha256").GetString()));
        await HubServer.JsonOf(await _hub.CommitAsync($"datasets/{target}", _hub.Ana, "copy", null, HubServer.Large("a.bin", bytes)));
        Assert.Equal(bytes, await (await _hub.GetAsync($"/datasets/{target}/resolve/main/a.bin")).Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("---\nlicense: mit\n---\n", HttpStatusCode.OK, 0)]
    [InlineData("---\nlicense: [\n---\n", HttpStatusCode.BadRequest, 1)]
    [InlineData("---\nlicense: mit\nlicense: mit\n---\n", HttpStatusCode.BadRequest, 1)]
    [InlineData("---\nlicense: mit\npipeline_tag: [1]\n---\n", HttpStatusCode.BadRequest, 1)]
    [InlineData("---\na: &a [x]\nb: *a\n---\n", HttpStatusCode.OK, 0)]
    [InlineData("---\na: &a [x]\nb: *c\n---\n", HttpStatusCode.BadRequest, 1)]
    [InlineData("---\n- x\n---\n", HttpStatusCode.BadRequest, 1)]
    [InlineData("no header", HttpStatusCode.OK, 0)]
    public async Task A_card_is_checked_before_it_is_committed(string content, HttpStatusCode status, int errors)
    {
        var response = await _hub.PostAsync("/api/validate-yaml", new { content, repoType = "model" });
        Assert.Equal(status, response.StatusCode);
        Assert.Equal(errors,
            JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("errors").GetArrayLength());
    }

    [Fact]
    public async Task Cards_are_checked_within_each_callers_share()
    {
        var clock = new TestClock(still: true);
        await using var hub = await HubServer.StartAsync(change: o => o with { Clock = clock });
        Task<HttpResponseMessage> CheckAsync(string? token, int length) =>
            hub.PostAsync("/api/validate-yaml", new { content = $"---\nlicense: mit\n# {new string('x', length)}\n---\n" }, token);
        // Anyone may ask, and some do without end: it costs nobody else the answer.
        for (var i = 0; i < 4; i++)
            await HubServer.JsonOf(await CheckAsync(null, 990_000));
        var refused = await CheckAsync(null, 990_000);
        Assert.Contains("try again in", await HubServer.AssertErrorAsync(refused, HttpStatusCode.TooManyRequests));
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        await HubServer.JsonOf(await CheckAsync(null, 100));
        await HubServer.JsonOf(await CheckAsync(hub.Ana, 990_000));
        clock.Ahead += refused.Headers.RetryAfter!.Delta!.Value;
        await HubServer.JsonOf(await CheckAsync(null, 980_000));
        await HubServer.AssertErrorAsync(await CheckAsync(null, 980_000), HttpStatusCode.TooManyRequests);
    }

    [Fact]
    public async Task Trees_come_in_pages_of_one_commit_and_say_who_touched_what_last()
    {
        var repo = await _hub.CreateRepoAsync("pages");
        var first = await _hub.CommitFilesAsync(repo, _hub.Ana, [.. Enumerable.Range(0, 25).Select(i => ($"d{i % 3}/f{i}.txt", $"{i}"))]);
        var second = await _hub.CommitFilesAsync(repo, _hub.Ana, ("d1/f1.txt", "changed"));
        var paths = new List<string>();
        for (var url = $"/api/models/{repo}/tree/main?recursive=true&limit=10"; url is not null;)
        {
            var page = await _hub.GetAsync(url);
            paths.AddRange((await HubServer.JsonOf(page)).EnumerateArray().Select(e => e.GetProperty("path").GetString()!));
            url = page.Headers.TryGetValues("Link", out var link) ? link.Single()[1..link.Single().IndexOf('>')] : null;
        }
        Assert.Equal(25 + 3 + 1, paths.Distinct().Count());
        Assert.Equal(paths.Count, paths.Distinct().Count());

        var expanded = await _hub.GetJsonAsync($"/api/models/{repo}/tree/main/d1?expand=true");
        foreach (var entry in expanded.EnumerateArray())
            Assert.Equal(entry.GetProperty("path").GetString() == "d1/f1.txt" ? second : first,
                entry.GetProperty("lastCommit").GetProperty("id").GetString());

        var form =
            new FormUrlEncodedContent([new("paths", "d0"), new("paths", "d1/f1.txt"), new("paths", "nothing"), new("expand", "true")]);
        var byForm = await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Post, $"/api/models/{repo}/paths-info/main", null, form));
        Assert.Equal(["d0", "d1/f1.txt"], byForm.EnumerateArray().Select(e => e.GetProperty("path").GetString()));
        Assert.Equal(byForm.GetRawText(),
            (await _hub.PostJsonAsync($"/api/models/{repo}/paths-info/main",
                new { paths = new[] { "d0", "d1/f1.txt", "nothing" }, expand = true })).GetRawText());
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/api/models/{repo}/tree/main/nothing"),
            HttpStatusCode.NotFound, "EntryNotFound");
    }

    /// <summary>Whatever a body is, the answer is no failure of the server, and says what is wrong in the terms of who sent it.</summary>
    [Fact]
    public async Task Bodies_that_are_not_as_expected_are_refused_in_the_clients_terms()
    {
        var repo = await _hub.CreateRepoAsync("bodies");
        string[] addresses =
        [
            $"POST /api/models/{repo}/preupload/main files", $"POST /api/models/{repo}/paths-info/main paths",
            $"POST /api/models/{repo}/branch/b startingPoint", $"POST /api/models/{repo}/tag/main tag",
            $"PUT /api/models/{repo}/settings gated", $"POST /api/models/{repo}/discussions title",
            $"POST /api/models/{repo}/commit/main key", $"POST /api/models/{repo}/lfs-files/batch deletions",
            "POST /api/settings/webhooks watched", "POST /api/settings/webhooks domains", "POST /api/settings/tokens name",
            $"POST /{repo}.git/info/lfs/objects/batch objects", $"POST /{repo}.git/info/lfs/locks path",
        ];
        string[] values = ["null", "[null]", "5", "[]", "{}", "1e999", "\"\\ud800\"", "[\"\\udc00\"]", "{\"\\ud800\":1}"];
        string[] texts = ["", "null", "[1,", "{\"a\":1}x", "\u00ff", "{'a':1}", new('[', 100), .. values.Select(v => $"{{\"NAME\": {v}}}")];
        foreach (var address in addresses.Select(a => a.Split(' ')))
            foreach (var text in texts.Select(t => t.Replace("NAME", address[2], StringComparison.Ordinal)))
            {
                var json = new ByteArrayContent(Encoding.Latin1.GetBytes(text)) { Headers = { ContentType = new("application/json") } };
                var answer = await _hub.SendAsync(new(address[0]), address[1], _hub.Ana, json);
                var told = await answer.Content.ReadAsStringAsync();
                Assert.True((int)answer.StatusCode is 200 or (>= 400 and < 500), $"{address[1]} {text}: {answer.StatusCode} {told}");
                Assert.DoesNotMatch(@"System\.|Banyan\.|LineNumber|BytePosition|JSON value could not|Parameter|depth to be", told);
            }
        foreach (var address in (string[])[$"/api/models/{repo}/paths-info/main", "/login"])
        {
            var form =
                new StringContent(
                    "--x\r\nContent-Dis")
                {
                    Headers = { ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse("multipart/form-data; boundary=x") }
                };
            Assert.Equal(HttpStatusCode.BadRequest, (await _hub.SendAsync(HttpMethod.Post, address, _hub.Ana, form)).StatusCode);
            form = new StringContent(
                "a=b")
            {
                Headers = { ContentType =
                    System.Net.Http.Headers.MediaTypeHeaderValue.Parse("application/x-www-form-urlencoded; charset=utf-7") }
            };
            Assert.Equal(HttpStatusCode.BadRequest, (await _hub.SendAsync(HttpMethod.Post, address, _hub.Ana, form)).StatusCode);
        }
    }
}
