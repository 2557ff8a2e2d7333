using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Tests.Pages;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Hub;

public sealed class CollectionTests(LocalHub hub) : CollectionContract(hub), IClassFixture<LocalHub>;

public sealed class ClusterCollectionTests(ClusterHub hub) : CollectionContract(hub), IClassFixture<ClusterHub>;

/// <summary>
/// Collections are made, read, changed and listed as Hugging Face's clients do, and tell nobody of what they may not see.
/// </summary>
public abstract class CollectionContract(HubKind kind) : HubContract(kind, "hidden")
{
    Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body = null, string? token = null) =>
        Hub.SendAsync(method, path, token ?? Hub.Ana, body is null ? null : JsonContent.Create(body));

    async Task<string> CreateAsync(string title, bool isPrivate = false, string? ns = null) =>
        (await HubServer.JsonOf(await SendAsync(HttpMethod.Post, "/api/collections",
            new { title, @namespace = ns, @private = isPrivate }))).GetProperty("slug").GetString()!;

    async Task PutAsync(string slug, string id, string type = "model", string? note = null) =>
        await HubServer.JsonOf(await SendAsync(HttpMethod.Post, $"/api/collections/{slug}/items", new { item = new { id, type }, note }));

    static string[] Items(JsonElement collection) =>
        [.. collection.GetProperty("items").EnumerateArray()
            .Select(i => i.GetProperty(i.GetProperty("type").GetString() == "collection" ? "slug" : "id").GetString()!)];

    async Task<string[]> ListedAsync(string query, string? token = null) =>
        [.. (await Hub.GetJsonAsync($"/api/collections{query}", token)).EnumerateArray().Select(c => c.GetProperty("title").GetString()!)];

    [Fact]
    public async Task A_collection_holds_what_is_put_in_where_it_is_put()
    {
        await Hub.CreateRepoAsync("first");
        await Hub.CreateRepoAsync("words", "dataset");
        var slug = await CreateAsync("Für Telefone: small & quick");
        Assert.Matches("^ana/fur-telefone-small-quick-[0-9a-f]{24}$", slug);
        var nested = await CreateAsync("छोटे मॉडल");
        Assert.Matches("^ana/collection-[0-9a-f]{24}$", nested);
        await PutAsync(slug, "ana/first", note: "the <b>first</b>");
        await PutAsync(slug, "ana/words", "dataset");
        await PutAsync(slug, nested, "collection");
        var whole = await Hub.GetJsonAsync($"/api/collections/{slug}");
        Assert.Equal(["ana/first", "ana/words", nested], Items(whole));
        Assert.Equal(("the <b>first</b>", "the &lt;b&gt;first&lt;/b&gt;"),
            (whole.GetProperty("items")[0].GetProperty("note").GetProperty("text").GetString(),
                whole.GetProperty("items")[0].GetProperty("note").GetProperty("html").GetString()));
        // A list's entries come without their place: huggingface_hub counts.
        Assert.False((await Hub.GetJsonAsync("/api/collections"))[0].TryGetProperty("position", out _));

        string Item(int at) => whole.GetProperty("items")[at].GetProperty("_id").GetString()!;
        await HubServer.JsonOf(await SendAsync(HttpMethod.Patch, $"/api/collections/{slug}/items/{Item(0)}",
            new { position = 9, note = "" }));
        await HubServer.JsonOf(await SendAsync(HttpMethod.Patch, $"/api/collections/{slug}/items/{Item(2)}",
            new { position = 0, note = "nested" }));
        whole = await Hub.GetJsonAsync($"/api/collections/{slug}");
        Assert.Equal([nested, "ana/words", "ana/first"], Items(whole));
        Assert.False(whole.GetProperty("items")[2].TryGetProperty("note", out _));
        await HubServer.JsonOf(await SendAsync(HttpMethod.Delete, $"/api/collections/{slug}/items/{Item(1)}"));
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Delete, $"/api/collections/{slug}/items/{Item(1)}"),
            HttpStatusCode.NotFound);

        // By a new title it has a new address, and is found by the old one.
        var changed =
            (await HubServer.JsonOf(await SendAsync(HttpMethod.Patch, $"/api/collections/{slug}",
                new { title = "Renamed", description = "why", theme = "pink", position = 1 }))).GetProperty("data");
        Assert.Equal(("Renamed", "why", "pink", 1),
            (changed.GetProperty("title").GetString(), changed.GetProperty("description").GetString(),
                changed.GetProperty("theme").GetString(), changed.GetProperty("position").GetInt32()));
        Assert.StartsWith("ana/renamed-", changed.GetProperty("slug").GetString());
        Assert.Equal(changed.GetProperty("slug").GetString(),
            (await Hub.GetJsonAsync($"/api/collections/{slug}")).GetProperty("slug").GetString());
        // What is removed is in none any more.
        await HubServer.JsonOf(await SendAsync(HttpMethod.Delete, "/api/repos/delete", new { name = "first" }));
        Assert.Equal([nested], Items(await Hub.GetJsonAsync($"/api/collections/{slug}")));
        await HubServer.JsonOf(await SendAsync(HttpMethod.Delete, $"/api/collections/{nested}"));
        Assert.Empty(Items(await Hub.GetJsonAsync($"/api/collections/{slug}")));
    }

    [Fact]
    public async Task What_is_wrong_is_named_and_changes_nothing()
    {
        await Hub.CreateRepoAsync("first");
        var slug = await CreateAsync("One");
        await PutAsync(slug, "ana/first");
        var there = await SendAsync(HttpMethod.Post, "/api/collections", new { title = "ONE" });
        Assert.Equal(slug, JsonDocument.Parse(await there.Content.ReadAsStringAsync()).RootElement.GetProperty("slug").GetString());
        await HubServer.AssertErrorAsync(there, HttpStatusCode.Conflict);
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, $"/api/collections/{slug}/items",
            new { item = new { id = "ana/first", type = "model" } }), HttpStatusCode.Conflict);
        foreach (var (id, type, status, code) in new[]
        {
            ("ana/first", "dataset", HttpStatusCode.NotFound, "RepoNotFound"),
            ("ana/nothing", "model", HttpStatusCode.NotFound, "RepoNotFound"),
            ("2307.09288", "paper", HttpStatusCode.BadRequest, (string?)null),
            (slug + "0", "collection", HttpStatusCode.NotFound, null), ("x", "collection", HttpStatusCode.NotFound, null),
            (null!, "model", HttpStatusCode.NotFound, "RepoNotFound"), ("ana/first", null!, HttpStatusCode.BadRequest, null),
        })
            await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, $"/api/collections/{slug}/items",
                new { item = new { id, type } }), status, code);
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, $"/api/collections/{slug}/items", new { }),
            HttpStatusCode.BadRequest);
        foreach (var body in new object[] { new { title = "" }, new { title = new string('x', 101) },
            new { title = "x", description = new string('x', 301) }, new { } })
            await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, "/api/collections", body), HttpStatusCode.BadRequest);
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, "/api/collections", new { title = "x", @namespace = "nobody" }),
            HttpStatusCode.NotFound);
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Patch, $"/api/collections/{slug}", new { theme = "plaid" }),
            HttpStatusCode.BadRequest);
        await CreateAsync("Two");
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Patch, $"/api/collections/{slug}", new { title = "two" }),
            HttpStatusCode.Conflict);
        foreach (var name in new[] { "ana/one", "ana/one-00000000000000000000000f", "ben/" + slug[4..], "ana/one-ffffffffffffffffffffffff",
            "ana/-000000000000000000000000" })
            await HubServer.AssertErrorAsync(await Hub.GetAsync($"/api/collections/{name}"), HttpStatusCode.NotFound);
        foreach (var query in new[] { "?sort=size", "?cursor=x", "?cursor=1-x" })
            await HubServer.AssertErrorAsync(await Hub.GetAsync($"/api/collections{query}"), HttpStatusCode.BadRequest);
        Assert.Equal(["ana/first"], Items(await Hub.GetJsonAsync($"/api/collections/{slug}")));
        Assert.Equal(["Two", "One"], await ListedAsync(""));
    }

    [Fact]
    public async Task Nobody_is_told_of_what_they_may_not_see()
    {
        var (open, closed) = (await CreateAsync("Open"), await CreateAsync("Closed", isPrivate: true, ns: "acme"));
        await PutAsync(open, Repo);
        await PutAsync(open, closed, "collection");
        await Hub.CreateRepoAsync("shown");
        await PutAsync(open, "ana/shown");
        await PutAsync(closed, "ana/shown");
        foreach (var token in new[] { null, Hub.Ben })
        {
            Assert.Equal(["ana/shown"], Items(await Hub.GetJsonAsync($"/api/collections/{open}", token)));
            await HubServer.AssertErrorAsync(await Hub.GetAsync($"/api/collections/{closed}", token), HttpStatusCode.NotFound);
            await HubServer.AssertErrorAsync(await Hub.GetAsync($"/collections/{closed}", token), HttpStatusCode.NotFound);
            Assert.Equal(["Open"], await ListedAsync("", token));
            Assert.Equal(["Open"], await ListedAsync("?item=models/ana/shown&owner=acme&owner=ana", token));
            Assert.Empty(await ListedAsync($"?item=models/{Repo}", token));
            var html =
                await (await Hub.SendAsync(HttpMethod.Get, $"/collections/{open}", token, null,
                    ("Accept", "text/html"))).Content.ReadAsStringAsync();
            Assert.DoesNotContain(">hidden", html);
            Assert.DoesNotContain(Repo, html);
            Assert.DoesNotContain("Closed", html);
        }
        Assert.Equal([Repo, closed, "ana/shown"], Items(await Hub.GetJsonAsync($"/api/collections/{open}", Hub.Ana)));
        Assert.Equal(["Closed", "Open"], await ListedAsync("?item=models/ana/shown", Hub.Ana));
        // A token for elsewhere sees what everyone does; one that reads changes nothing; a stranger neither.
        var (elsewhere, reads) =
            (await Hub.Accounts.AddTokenAsync("ana", "t", TokenRole.FineGrained, [new("other", Right.Admin)], null, default),
                await Hub.Accounts.AddTokenAsync("ana", "t", TokenRole.Read, null, null, default));
        Assert.Equal(["Open"], await ListedAsync("", elsewhere));
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Delete, $"/api/collections/{closed}", token: elsewhere),
            HttpStatusCode.NotFound);
        foreach (var token in new[] { elsewhere, reads, Hub.Ben })
        {
            await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Delete, $"/api/collections/{open}", token: token),
                HttpStatusCode.Forbidden);
            await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Patch, $"/api/collections/{open}", new { title = "x" }, token),
                HttpStatusCode.Forbidden);
            await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, $"/api/collections/{open}/items",
                new { item = new { id = "ana/shown", type = "model" } }, token), HttpStatusCode.Forbidden);
            await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, "/api/collections", new { title = "x", @namespace = "acme" },
                token), HttpStatusCode.Forbidden);
        }
        // Nor can one's own collection be used to learn that something is there.
        var mine =
            (await HubServer.JsonOf(await SendAsync(HttpMethod.Post, "/api/collections", new { title = "Mine" }, Hub.Ben))).GetProperty(
                "slug").GetString();
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, $"/api/collections/{mine}/items",
            new { item = new { id = Repo, type = "model" } }, Hub.Ben), HttpStatusCode.NotFound, "RepoNotFound");
        await HubServer.AssertErrorAsync(await SendAsync(HttpMethod.Post, $"/api/collections/{mine}/items",
            new { item = new { id = closed, type = "collection" } }, Hub.Ben), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Pages_of_a_list_follow_one_another_and_the_forms_work_without_script()
    {
        for (var i = 0; i < 5; i++)
            await CreateAsync($"c{i}", isPrivate: i == 2);
        var titles = new List<string>();
        for (var next = "/api/collections?owner=ana&limit=2"; next is not null;)
        {
            var response = await Hub.GetAsync(next);
            titles.AddRange((await HubServer.JsonOf(response)).EnumerateArray().Select(c => c.GetProperty("title").GetString()!));
            next = response.Headers.TryGetValues("Link", out var links) ? links.Single().Split('<')[1].Split('>')[0] : null;
        }
        Assert.Equal(["c4", "c3", "c1", "c0"], titles);

        await Hub.CreateRepoAsync("shown");
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        var made = await visit.SendAsync("/collections?item=models/ana/shown", "/collections", ("item", "models/ana/shown"),
            ("owner", "ana"), ("title", "By <form>"), ("visibility", "public"));
        Assert.Equal(HttpStatusCode.SeeOther, made.StatusCode);
        var page = made.Headers.Location!.ToString();
        Assert.Contains("ana/</span><wbr>shown", (await visit.GetAsync(page)).Html);
        await visit.SendAsync(page, page, ("do", "put"), ("type", "model"), ("name", Repo), ("note", "mind this"));
        var html = (await visit.GetAsync(page)).Html;
        Assert.Contains("mind this", html);
        var last = html.Split("name=\"id\" value=\"")[2].Split('"')[0];
        await visit.SendAsync(page, page, ("do", "item"), ("id", last), ("note", "mind that"), ("place", "1"));
        html = (await visit.GetAsync(page)).Html;
        Assert.True(html.IndexOf("mind that", StringComparison.Ordinal) < html.IndexOf("<wbr>shown", StringComparison.Ordinal));
        var refused = await visit.SendAsync(page, page, ("do", "put"), ("type", "model"), ("name", "ana/nothing"));
        Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
        Assert.Contains("role=\"alert\"", await refused.Content.ReadAsStringAsync());
        await visit.SendAsync(page, page, ("do", "take"), ("id", last));
        Assert.DoesNotContain("mind that", (await visit.GetAsync(page)).Html);
        Assert.Equal("/collections?owner=ana", (await visit.SendAsync(page, page, ("do", "remove"))).Headers.Location!.ToString());
        Assert.Equal(404, (await visit.GetAsync(page)).Status);
    }
}
