using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Tests.Storage;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Hub;

public sealed class SqliteCommunityTests : CommunityContract;

public sealed class PostgresCommunityTests(PostgresServer server) : CommunityContract
{
    protected override async Task<string?> DatabaseAsync() => await server.CreateHubAsync();
}

/// <summary>Access to gated repositories, discussions and pull requests, on each database.</summary>
public abstract class CommunityContract : IAsyncLifetime
{
    HubServer _hub = null!;

    protected virtual Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);

    public async ValueTask InitializeAsync() => _hub = await HubServer.StartAsync(await DatabaseAsync());

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    async Task<string> GatedAsync(string gated)
    {
        var repo = await _hub.CreateRepoAsync($"gated-{gated}");
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "1"));
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Put, $"/api/models/{repo}/settings", _hub.Ana,
            JsonContent.Create(new { gated })));
        return repo;
    }

    async Task<string[]> UsersAsync(string repo, string status) =>
        [.. (await _hub.GetJsonAsync($"/api/models/{repo}/user-access-request/{status}", _hub.Ana)).EnumerateArray()
            .Select(r => r.GetProperty("user").GetProperty("user").GetString()!)];

    [Fact]
    public async Task Who_asks_for_access_reads_when_the_owner_says_so()
    {
        var repo = await GatedAsync("manual");
        var (file, requests) = ($"/{repo}/resolve/main/a.txt", $"/api/models/{repo}/user-access-request");
        Assert.Contains("not in the authorized list",
            await HubServer.AssertErrorAsync(await _hub.GetAsync(file, _hub.Ben), HttpStatusCode.Forbidden, "GatedRepo"));
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"/{repo}/ask-access", new { }), HttpStatusCode.Unauthorized);
        Assert.Equal("pending",
            (await _hub.PostJsonAsync($"/{repo}/ask-access", new { company = "ACME", agree = true }, _hub.Ben)).GetProperty("status")
                .GetString());
        Assert.Contains("awaiting a review",
            await HubServer.AssertErrorAsync(await _hub.GetAsync(file, _hub.Ben), HttpStatusCode.Forbidden, "GatedRepo"));

        var asked = (await _hub.GetJsonAsync($"{requests}/pending", _hub.Ana))[0];
        Assert.Equal(("ben", "ben@example.org", "pending"),
            (asked.GetProperty("user").GetProperty("user").GetString(), asked.GetProperty("user").GetProperty("email").GetString(),
                asked.GetProperty("status").GetString()));
        Assert.Equal("""{"company":"ACME","agree":"true"}""", asked.GetProperty("fields").GetRawText());

        await HubServer.JsonOf(await _hub.PostAsync($"{requests}/handle",
            new { user = "ben", status = "rejected", rejectionReason = "No" }, _hub.Ana));
        Assert.Contains("rejected",
            await HubServer.AssertErrorAsync(await _hub.GetAsync(file, _hub.Ben), HttpStatusCode.Forbidden, "GatedRepo"));
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{requests}/handle", new { user = "ben", status = "rejected" }, _hub.Ana),
            HttpStatusCode.NotFound);
        // Neither asking again nor taking it back undoes a rejection.
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{requests}/cancel", new { }, _hub.Ben), HttpStatusCode.NotFound);
        Assert.Equal("rejected", (await _hub.PostJsonAsync($"/{repo}/ask-access", new { }, _hub.Ben)).GetProperty("status").GetString());

        await HubServer.JsonOf(await _hub.PostAsync($"{requests}/handle", new { user = "BEN", status = "accepted" }, _hub.Ana));
        Assert.Equal("1", await (await _hub.GetAsync(file, _hub.Ben)).Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.OK, (await _hub.GetAsync($"/api/models/{repo}/xet-read-token/main", _hub.Ben)).StatusCode);
        await HubServer.AssertErrorAsync(await _hub.GetAsync(file), HttpStatusCode.Unauthorized, "GatedRepo");
        var elsewhere = await _hub.Accounts.AddTokenAsync("ben", "f", TokenRole.FineGrained, [new("ben", Right.Admin)], null, default);
        await HubServer.AssertErrorAsync(await _hub.GetAsync(file, elsewhere), HttpStatusCode.Forbidden, "GatedRepo");
        // To read is not to write, nor to see who else reads.
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"{requests}/accepted", _hub.Ben), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{requests}/grant", new { user = "ana" }, _hub.Ben),
            HttpStatusCode.Forbidden);
        Assert.Equal(["ben"], await UsersAsync(repo, "accepted"));
        Assert.Empty((await UsersAsync(repo, "pending")).Concat(await UsersAsync(repo, "rejected")));
        await HubServer.JsonOf(await _hub.PostAsync($"{requests}/cancel", new { }, _hub.Ben));
        await HubServer.AssertErrorAsync(await _hub.GetAsync(file, _hub.Ben), HttpStatusCode.Forbidden, "GatedRepo");
        Assert.Empty(await UsersAsync(repo, "accepted"));
    }

    [Fact]
    public async Task Access_is_granted_unasked_and_at_once_where_the_gate_is_automatic()
    {
        var repo = await GatedAsync("auto");
        var requests = $"/api/models/{repo}/user-access-request";
        Assert.Equal("accepted", (await _hub.PostJsonAsync($"/{repo}/ask-access", new { }, _hub.Ben)).GetProperty("status").GetString());
        Assert.Equal("1", await (await _hub.GetAsync($"/{repo}/resolve/main/a.txt", _hub.Ben)).Content.ReadAsStringAsync());

        var carla = await _hub.AddUserAsync("carla");
        await HubServer.JsonOf(await _hub.PostAsync($"{requests}/grant", new { user = "carla" }, _hub.Ana));
        Assert.Contains("already has access",
            await HubServer.AssertErrorAsync(await _hub.PostAsync($"{requests}/grant", new { user = "carla" }, _hub.Ana),
                HttpStatusCode.BadRequest));
        Assert.Equal(HttpStatusCode.OK, (await _hub.GetAsync($"/{repo}/resolve/main/a.txt", carla)).StatusCode);
        var granted = (await _hub.GetJsonAsync($"{requests}/accepted?limit=1", _hub.Ana))[0].GetProperty("user");
        // who did not ask told no address
        Assert.Equal(("carla", false), (granted.GetProperty("user").GetString(), granted.TryGetProperty("email", out _)));
        var link = (await _hub.GetAsync($"{requests}/accepted?limit=1", _hub.Ana)).Headers.GetValues("Link").Single();
        Assert.Equal("ben", (await _hub.GetJsonAsync(link[1..link.IndexOf('>')], _hub.Ana))[0].GetProperty("user")
            .GetProperty("user").GetString());

        await HubServer.JsonOf(await _hub.PostAsync($"{requests}/handle", new { user = "carla", status = "pending" }, _hub.Ana));
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/{repo}/resolve/main/a.txt", carla), HttpStatusCode.Forbidden, "GatedRepo");
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{requests}/handle", new { user = "dora", status = "accepted" }, _hub.Ana),
            HttpStatusCode.NotFound);
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{requests}/handle", new { user = "carla", status = "perhaps" }, _hub.Ana),
            HttpStatusCode.BadRequest);
        var open = await _hub.CreateRepoAsync("open");
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"/api/models/{open}/user-access-request/pending", _hub.Ana),
            HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"/{open}/ask-access", new { }, _hub.Ben), HttpStatusCode.BadRequest);
    }

    Task<HttpResponseMessage> CommitAsync(string repo, string revision, string token, string summary,
        params (string Key, object Value)[] lines)
    {
        var body = string.Concat(lines.Prepend(("header", new { summary, description = "Why" }))
            .Select(l => JsonSerializer.Serialize(new { key = l.Item1, value = l.Item2 }) + "\n"));
        return _hub.SendAsync(HttpMethod.Post, $"/api/models/{repo}/commit/{revision}", token, new StringContent(body));
    }

    [Fact]
    public async Task A_discussion_is_had()
    {
        var repo = await _hub.CreateRepoAsync("talk");
        var api = $"/api/models/{repo}/discussions";
        var made = await _hub.PostJsonAsync(api, new { title = "  A question ", description = "How <b>so</b>?" }, _hub.Ben);
        Assert.Equal((1, $"{_hub.Address}/{repo}/discussions/1"),
            (made.GetProperty("num").GetInt32(), made.GetProperty("url").GetString()));
        var said = (await _hub.PostJsonAsync($"{api}/1/comment", new { comment = "Like this" }, _hub.Ana)).GetProperty("newMessage");
        var id = said.GetProperty("id").GetString();
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{api}/1/comment/{id}/edit", new { content = "x" }, _hub.Ben),
            HttpStatusCode.Forbidden);
        var edited =
            (await _hub.PostJsonAsync($"{api}/1/comment/{id}/edit", new { content = "Like that" }, _hub.Ana)).GetProperty("updatedComment");
        Assert.Equal((true, "Like that", "Like this"), (
            edited.GetProperty("data").GetProperty("edited").GetBoolean(),
            edited.GetProperty("data").GetProperty("latest").GetProperty("raw").GetString(),
            edited.GetProperty("data").GetProperty("history")[0].GetProperty("raw").GetString()));
        var renamed = (await _hub.PostJsonAsync($"{api}/1/title", new { title = "An answer" }, _hub.Ben)).GetProperty("newTitle")
            .GetProperty("data");
        Assert.Equal(("A question", "An answer"), (renamed.GetProperty("from").GetString(), renamed.GetProperty("to").GetString()));
        Assert.Equal("closed", (await _hub.PostJsonAsync($"{api}/1/status", new { status = "closed" }, _hub.Ana)).GetProperty("newStatus")
            .GetProperty("data").GetProperty("status").GetString());

        var carla = await _hub.AddUserAsync("carla");
        foreach (var (what, body) in new[] { ("title", (object)new { title = "Mine" }), ("status", new { status = "open" }) })
            await HubServer.AssertErrorAsync(await _hub.PostAsync($"{api}/1/{what}", body, carla), HttpStatusCode.Forbidden);
        var whole = await _hub.GetJsonAsync($"{api}/1");
        Assert.Equal(["comment", "comment", "title-change", "status-change"],
            whole.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("type").GetString()));
        Assert.Equal("<p>How &lt;b&gt;so&lt;/b&gt;?</p>",
            whole.GetProperty("events")[0].GetProperty("data").GetProperty("latest").GetProperty("html").GetString());
        await HubServer.JsonOf(await _hub.PostAsync($"{api}/1/comment/{whole.GetProperty("events")[0].GetProperty("id").GetString()}/hide",
            new { }, _hub.Ana));
        Assert.DoesNotContain("so", (await _hub.GetJsonAsync($"{api}/1")).GetProperty("events")[0].GetProperty("data").GetRawText());

        await _hub.PostJsonAsync(api, new { title = "Another", description = "" }, carla);
        async Task<string> Numbers(string query) =>
            string.Join(' ', (await _hub.GetJsonAsync($"{api}?{query}")).GetProperty("discussions").EnumerateArray()
                .Select(d => d.GetProperty("num").GetInt32()));
        Assert.Equal("2 1", await Numbers(""));
        Assert.Equal("2", await Numbers("status=open"));
        Assert.Equal("1", await Numbers("status=closed&author=BEN&type=discussion"));
        Assert.Empty(await Numbers("type=pull_request"));
        foreach (var bad in new object[] { new { title = "x" }, new { title = new string('x', 201) }, new { },
            new { title = "Long", description = new string('x', 70_000) } })
            await HubServer.AssertErrorAsync(await _hub.PostAsync(api, bad, _hub.Ben), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"{api}/3"), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_stranger_proposes_and_the_owner_merges()
    {
        var repo = await _hub.CreateRepoAsync("code");
        var api = $"/api/models/{repo}";
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "one\ntwo\nthree\n"), ("d/gone.txt", "x"), ("kept.txt", "1"));
        byte[] large = [.. Enumerable.Range(0, 3000).Select(i => (byte)(i * 3))];
        await _hub.UploadAsync(repo, large);

        await HubServer.AssertErrorAsync(await CommitAsync(repo, "main", _hub.Ben, "x", HubServer.File("a.txt", "x")),
            HttpStatusCode.Forbidden);
        Assert.Equal(HttpStatusCode.OK,
            (await _hub.PostAsync($"{api}/preupload/main?create_pr=1",
                new { files = new[] { new { path = "a.txt", sample = "", size = 1 } } }, _hub.Ben)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await _hub.GetAsync($"{api}/xet-write-token/None?create_pr=1", _hub.Ben)).StatusCode);
        var made =
            await HubServer.JsonOf(await CommitAsync(repo, "main?create_pr=1", _hub.Ben, "Better",
                HubServer.File("a.txt", "one\n2\nthree\n"), ("deletedFile", new { path = "d/gone.txt" }),
                HubServer.Large("w.weights", large)));
        Assert.Equal($"{_hub.Address}/{repo}/discussions/1", made.GetProperty("pullRequestUrl").GetString());
        await HubServer.JsonOf(await CommitAsync(repo, "refs%2Fpr%2F1", _hub.Ben, "And more", HubServer.File("b.txt", "b")));
        Assert.Equal(made.GetProperty("commitOid").GetString(),
            (await _hub.GetJsonAsync($"{api}/commits/refs%2Fpr%2F1"))[1].GetProperty("id").GetString());
        await HubServer.AssertErrorAsync(await CommitAsync(repo, "refs%2Fpr%2F1", await _hub.AddUserAsync("carla"), "Not mine",
            HubServer.File("c.txt", "c")), HttpStatusCode.Forbidden);
        await HubServer.AssertErrorAsync(await CommitAsync(repo, "refs%2Fpr%2F9", _hub.Ana, "None", HubServer.File("c.txt", "c")),
            HttpStatusCode.NotFound, "RevisionNotFound");

        // Meanwhile the branch goes on, and its .gitattributes too.
        byte[] other = [.. large.Reverse()];
        await _hub.UploadAsync(repo, other);
        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "own", null, HubServer.Large("o.weights", other),
            HubServer.File("kept.txt", "2")));

        var pull = await _hub.GetJsonAsync($"{api}/discussions/1?diff=1");
        Assert.Equal(("open", "Better", "refs/heads/main", 0), (
            pull.GetProperty("status").GetString(), pull.GetProperty("title").GetString(),
            pull.GetProperty("changes").GetProperty("base").GetString(), pull.GetProperty("filesWithConflicts").GetArrayLength()));
        Assert.Equal(["comment", "commit", "commit"],
            pull.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("type").GetString()));
        Assert.Contains("--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n", pull.GetProperty("diff").GetString());
        Assert.Contains("--- a/d/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\\ No newline at end of file\n",
            pull.GetProperty("diff").GetString());

        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{api}/discussions/1/merge", new { }, _hub.Ben), HttpStatusCode.Forbidden);
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Post, $"{api}/discussions/1/merge", _hub.Ana));
        var merged = await _hub.GetJsonAsync($"{api}/discussions/1");
        var commits = await _hub.GetJsonAsync($"{api}/commits/main");
        Assert.Equal(("merged", commits[0].GetProperty("id").GetString()),
            (merged.GetProperty("status").GetString(), merged.GetProperty("changes").GetProperty("mergeCommitId").GetString()));
        Assert.Equal(["Better (#1)", "own", "files", "initial commit"],
            commits.EnumerateArray().Select(c => c.GetProperty("title").GetString()));
        Assert.Contains("- And more (", commits[0].GetProperty("message").GetString());
        Assert.Equal(
            [".gitattributes", "a.txt", "b.txt", "kept.txt", "o.weights", "w.weights"],
            (await _hub.GetJsonAsync($"{api}/tree/main?recursive=true")).EnumerateArray().Select(e => e.GetProperty("path").GetString()));
        Assert.Equal("one\n2\nthree\n", await (await _hub.GetAsync($"/{repo}/resolve/main/a.txt")).Content.ReadAsStringAsync());
        Assert.Equal("2", await (await _hub.GetAsync($"/{repo}/resolve/main/kept.txt")).Content.ReadAsStringAsync());
        Assert.Equal(large, await (await _hub.GetAsync($"/{repo}/resolve/main/w.weights")).Content.ReadAsByteArrayAsync());
        var attributes = await (await _hub.GetAsync($"/{repo}/raw/main/.gitattributes")).Content.ReadAsStringAsync();
        Assert.EndsWith("o.weights filter=lfs diff=lfs merge=lfs -text\nw.weights filter=lfs diff=lfs merge=lfs -text\n", attributes);
        foreach (var refused in new[] { await _hub.PostAsync($"{api}/discussions/1/merge", new { }, _hub.Ana),
            await CommitAsync(repo, "refs%2Fpr%2F1", _hub.Ben, "Late", HubServer.File("c.txt", "c")) })
            await HubServer.AssertErrorAsync(refused, HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task What_both_sides_changed_is_not_merged_until_it_is_decided()
    {
        var repo = await _hub.CreateRepoAsync("both");
        var api = $"/api/models/{repo}";
        var start = await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "1"), ("d/b.txt", "1"));
        await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "2"));
        // From an older commit, which the client names.
        var body =
            $$$"""{"key":"header","value":{"summary":"Mine","parentCommit":"{{{start[..8]}}}"}}{{{"\n"}}}{"key":"file","value":{"path":"a.txt","content":"3","encoding":"utf-8"}}""";
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Post, $"{api}/commit/main?create_pr=1", _hub.Ana, new StringContent(body)));
        Assert.Equal(start, (await _hub.GetJsonAsync($"{api}/commits/refs%2Fpr%2F1"))[1].GetProperty("id").GetString());
        Assert.Equal(["a.txt"], (await _hub.GetJsonAsync($"{api}/discussions/1")).GetProperty("filesWithConflicts").EnumerateArray()
            .Select(f => f.GetString()));
        Assert.Contains("a.txt",
            await HubServer.AssertErrorAsync(await _hub.PostAsync($"{api}/discussions/1/merge", new { }, _hub.Ana),
                HttpStatusCode.Conflict));
        await HubServer.JsonOf(await CommitAsync(repo, "refs%2Fpr%2F1", _hub.Ana, "As there", HubServer.File("a.txt", "2"),
            HubServer.File("d/b.txt", "9")));
        await HubServer.JsonOf(await _hub.PostAsync($"{api}/discussions/1/merge", new { comment = "Thanks" }, _hub.Ana));
        Assert.Equal("9", await (await _hub.GetAsync($"/{repo}/resolve/main/d/b.txt")).Content.ReadAsStringAsync());

        // An empty one is a draft, is opened, and has nothing to merge.
        Assert.Equal(2,
            (await _hub.PostJsonAsync($"{api}/discussions", new { title = "Later", pullRequest = true }, _hub.Ana)).GetProperty("num")
                .GetInt32());
        Assert.Equal("draft", (await _hub.GetJsonAsync($"{api}/discussions/2")).GetProperty("status").GetString());
        Assert.Equal("9", await (await _hub.GetAsync($"/{repo}/resolve/refs%2Fpr%2F2/d/b.txt")).Content.ReadAsStringAsync());
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{api}/discussions/2/merge", new { }, _hub.Ana), HttpStatusCode.BadRequest);
        await HubServer.JsonOf(await _hub.PostAsync($"{api}/discussions/2/status", new { status = "open" }, _hub.Ana));
        await HubServer.AssertErrorAsync(await _hub.PostAsync($"{api}/discussions/2/merge", new { }, _hub.Ana), HttpStatusCode.BadRequest);
        Assert.Equal(["1", "2"], (await _hub.GetJsonAsync($"{api}/refs?include_prs=1")).GetProperty("pullRequests").EnumerateArray()
            .Select(p => p.GetProperty("name").GetString()));
    }
}
