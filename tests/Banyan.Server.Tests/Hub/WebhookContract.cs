using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Threading.Channels;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Tests.Storage;
using Banyan.Server.Tests.Support;
using Banyan.Server.Webhooks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Tests.Hub;

public sealed class SqliteWebhookTests : WebhookContract
{
    [Fact]
    public async Task Nobody_reaches_the_hub_s_own_network_by_a_webhook()
    {
        await using var hub = await HubServer.StartAsync();
        foreach (var url in new[] { "http://127.0.0.1:80/", "http://localhost/x", "https://[::1]/", "http://10.0.0.7/",
            "http://0x7f000001/", "http://2130706433/" })
            Assert.Contains("--allow-private-webhooks", await HubServer.AssertErrorAsync(
                await hub.PostAsync(Settings, new { url, watched = new[] { new { type = "user", name = "ana" } } }, hub.Ana),
                HttpStatusCode.BadRequest));
        // A name that leads there is found out when it is called.
        var refused =
            await Assert.ThrowsAsync<HttpRequestException>(() =>
                hub.Server.Services.GetRequiredService<WebhookTargets>().Client.GetAsync(
                    $"{hub.Address.Replace("127.0.0.1", "localhost")}/health"));
        Assert.Contains("own network", refused.Message);
    }
}

public sealed class PostgresWebhookTests(PostgresServer server) : WebhookContract
{
    protected override async Task<string?> DatabaseAsync() => await server.CreateHubAsync();
}

/// <summary>What happens on a hub is told to those who watch it, once it has happened, and only what they may read.</summary>
public abstract class WebhookContract : IAsyncLifetime
{
    protected const string Settings = "/api/settings/webhooks";

    readonly Channel<(string? Secret, JsonElement Body)> _told = Channel.CreateUnbounded<(string?, JsonElement)>();
    readonly Queue<int> _answers = [];
    readonly TaskCompletionSource _answered = new();
    int _silent;
    HubServer _hub = null!;
    WebApplication _listener = null!;

    protected virtual Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);

    public async ValueTask InitializeAsync()
    {
        _hub = await HubServer.StartAsync(await DatabaseAsync(), change: o => o with { AllowPrivateWebhooks = true });
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _listener = builder.Build();
        _listener.Urls.Add("http://127.0.0.1:0");
        _listener.MapPost("/told", async (HttpContext context) =>
        {
            var body = await JsonSerializer.DeserializeAsync<JsonElement>(context.Request.Body);
            context.Response.StatusCode = _answers.TryDequeue(out var status) ? status : 200;
            await _told.Writer.WriteAsync((context.Request.Headers["X-Webhook-Secret"], body));
        });
        _listener.MapPost("/silent/{n}", async () =>
        {
            Interlocked.Increment(ref _silent);
            await _answered.Task;
        });
        await _listener.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _answered.TrySetResult();
        await _hub.DisposeAsync();
        await _listener.DisposeAsync();
    }

    async Task<(string? Secret, JsonElement Body)> NextAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        return await _told.Reader.ReadAsync(patience.Token);
    }

    async Task<string> NextTextAsync()
    {
        var (_, body) = await NextAsync();
        var @event = body.GetProperty("event");
        return $"{@event.GetProperty("scope")} {@event.GetProperty("action")} {body.GetProperty("repo").GetProperty("name")}";
    }

    Task<JsonElement> WatchAsync(string token, string type, string name, params string[] domains) => _hub.PostJsonAsync(
        Settings,
        new
        {
            url = $"{_listener.Urls.First()}/told",
            watched = new[] { new { type, name } },
            domains = domains.Length > 0 ? domains : null,
            secret = "s3cret"
        }, token);

    [Fact]
    public async Task All_that_happens_is_told_in_order()
    {
        var webhook = (await WatchAsync(_hub.Ana, "user", "ana")).GetProperty("webhook");
        var repo = await _hub.CreateRepoAsync("told");
        var first = (await _hub.GetJsonAsync($"/api/models/{repo}")).GetProperty("sha").GetString();
        var commit = await _hub.CommitFilesAsync(repo, _hub.Ana, ("a.txt", "1"));
        await HubServer.JsonOf(await _hub.PostAsync($"/api/models/{repo}/tag/main", new { tag = "v1" }, _hub.Ana));
        var discussion = await _hub.PostJsonAsync($"/api/models/{repo}/discussions",
            new { title = "Why?", description = "I wonder" }, _hub.Ben);
        Assert.Equal(1, discussion.GetProperty("num").GetInt32());
        var said =
            (await _hub.PostJsonAsync($"/api/models/{repo}/discussions/1/comment", new { comment = "So" }, _hub.Ana)).GetProperty(
                "newMessage").GetProperty("id").GetString();
        await HubServer.JsonOf(await _hub.PostAsync($"/api/models/{repo}/discussions/1/comment/{said}/hide", new { }, _hub.Ana));
        await HubServer.JsonOf(await _hub.PostAsync($"/api/models/{repo}/discussions/1/status", new { status = "closed" }, _hub.Ana));
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Put, $"/api/models/{repo}/settings", _hub.Ana,
            JsonContent.Create(new { @private = true })));
        await HubServer.JsonOf(await _hub.PostAsync("/api/repos/move", new { fromRepo = repo, toRepo = "acme/moved" }, _hub.Ana));

        Assert.Equal("repo create ana/told", await NextTextAsync());
        Assert.Equal($$"""[{"ref":"refs/heads/main","oldSha":null,"newSha":"{{first}}"}]""",
            (await NextAsync()).Body.GetProperty("updatedRefs").GetRawText());
        var (secret, body) = await NextAsync();
        Assert.Equal("s3cret", secret);
        var (id, owner) = (body.GetProperty("repo").GetProperty("id").GetString(),
            body.GetProperty("repo").GetProperty("owner").GetProperty("id").GetString());
        Assert.Equal(
            $$"""
            {"event":{"action":"update","scope":"repo.content"},"repo":{"type":"model","name":"ana/told","id":"{{id}}","private":false,"url":{"web":"{{_hub.Address}}/ana/told","api":"{{_hub.Address}}/api/models/ana/told"},"owner":{"id":"{{owner}}"},"headSha":"{{commit}}"},"webhook":{"id":"{{webhook.GetProperty("id").GetString()}}","version":3},"updatedRefs":[{"ref":"refs/heads/main","oldSha":"{{first}}","newSha":"{{commit}}"}]}
            """.Trim(),
            body.GetRawText());
        Assert.Equal("refs/tags/v1", (await NextAsync()).Body.GetProperty("updatedRefs")[0].GetProperty("ref").GetString());
        body = (await NextAsync()).Body;
        Assert.Equal("create discussion",
            $"{body.GetProperty("event").GetProperty("action")} {body.GetProperty("event").GetProperty("scope")}");
        Assert.Equal(
            ("Why?", "open", 1, false, $"{_hub.Address}/ana/told/discussions/1"),
            (body.GetProperty("discussion").GetProperty("title").GetString(),
                body.GetProperty("discussion").GetProperty("status").GetString(),
                body.GetProperty("discussion").GetProperty("num").GetInt32(),
                body.GetProperty("discussion").GetProperty("isPullRequest").GetBoolean(),
                body.GetProperty("discussion").GetProperty("url").GetProperty("web").GetString()));
        Assert.Equal("I wonder", body.GetProperty("comment").GetProperty("content").GetString());
        body = (await NextAsync()).Body;
        Assert.Equal(("discussion.comment", "So"),
            (body.GetProperty("event").GetProperty("scope").GetString(), body.GetProperty("comment").GetProperty("content").GetString()));
        body = (await NextAsync()).Body;
        Assert.True(body.GetProperty("comment").GetProperty("hidden").GetBoolean());
        Assert.False(body.GetProperty("comment").TryGetProperty("content", out _));
        Assert.Equal("closed", (await NextAsync()).Body.GetProperty("discussion").GetProperty("status").GetString());
        Assert.True((await NextAsync()).Body.GetProperty("updatedConfig").GetProperty("private").GetBoolean());
        Assert.Equal("acme/moved", (await NextAsync()).Body.GetProperty("movedTo").GetProperty("name").GetString());

        // It is not ana's any more; another of hers is, until it goes.
        await _hub.CommitFilesAsync("acme/moved", _hub.Ana, ("b.txt", "2"));
        await _hub.CreateRepoAsync("brief", "dataset");
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Delete, "/api/repos/delete", _hub.Ana,
            JsonContent.Create(new { name = "brief", type = "dataset" })));
        Assert.Equal("repo create ana/brief", await NextTextAsync());
        Assert.Equal("repo.content update ana/brief", await NextTextAsync());
        Assert.Equal("repo delete ana/brief", await NextTextAsync());
    }

    [Fact]
    public async Task Nothing_is_told_that_its_owner_may_not_read()
    {
        await WatchAsync(_hub.Ben, "user", "ana", "repo");
        await WatchAsync(_hub.Ben, "org", "acme", "repo");
        await WatchAsync(_hub.Ben, "model", "Ana/Secret", "repo", "discussions");
        await _hub.CreateRepoAsync("secret", isPrivate: true);
        await _hub.CommitFilesAsync("ana/secret", _hub.Ana, ("a.txt", "1"));
        await _hub.CreateRepoAsync("inner", isPrivate: true, organization: "acme");
        await _hub.CreateRepoAsync("open");
        await _hub.PostJsonAsync("/api/models/ana/open/discussions", new { title = "Not asked for" }, _hub.Ana);
        Assert.Equal("repo create ana/open", await NextTextAsync());
        Assert.Equal("repo.content update ana/open", await NextTextAsync());

        await _hub.Accounts.SetMemberAsync("acme", "ben", Right.Read, default);
        await _hub.CommitFilesAsync("acme/inner", _hub.Ana, ("a.txt", "1"));
        Assert.Equal("repo.content update acme/inner", await NextTextAsync());
    }

    [Fact]
    public async Task Who_does_not_take_it_is_told_again()
    {
        _answers.Enqueue(500);
        _answers.Enqueue(302);
        await WatchAsync(_hub.Ana, "org", "acme");
        await _hub.CreateRepoAsync("again", organization: "acme");
        var seen = new List<string>();
        while (seen.Count(s => s.StartsWith("repo create", StringComparison.Ordinal))
            + seen.Count(s => s.StartsWith("repo.content", StringComparison.Ordinal)) < 4)
            seen.Add(await NextTextAsync());
        Assert.Equal(2, seen.Count(s => s == "repo create acme/again"));
        Assert.Equal(2, seen.Count(s => s == "repo.content update acme/again"));
    }

    [Fact]
    public async Task Webhooks_that_never_answer_keep_only_their_owner_waiting()
    {
        await _hub.CreateRepoAsync("busy");
        for (var i = 0; i < 48; i++)
            await _hub.PostJsonAsync(Settings,
                new { url = $"{_listener.Urls.First()}/silent/{i}", watched = new[] { new { type = "model", name = "ana/busy" } } },
                _hub.Ben);
        await _hub.CommitFilesAsync("ana/busy", _hub.Ana, ("a.txt", "1"));
        await _hub.Server.UntilAsync(() => Task.FromResult(_silent >= WebhookSender.OfAnOwner));
        // Ana's is told while those are still waited for; no more of them are begun meanwhile.
        await WatchAsync(_hub.Ana, "user", "ana");
        await _hub.CreateRepoAsync("quick");
        Assert.Equal("repo create ana/quick", await NextTextAsync());
        Assert.Equal(WebhookSender.OfAnOwner, _silent);
        _answered.SetResult();
    }

    [Fact]
    public async Task A_user_keeps_webhooks_of_their_own()
    {
        var made = (await WatchAsync(_hub.Ana, "dataset", "ana/x", "discussion")).GetProperty("webhook");
        var id = made.GetProperty("id").GetString();
        Assert.Equal(
            $$"""{"id":"{{id}}","url":"{{_listener.Urls.First()}}/told","watched":[{"type":"dataset","name":"ana/x"}],"domains":["discussions"],"disabled":false,"secret":"s3cret"}""", made.GetRawText());
        async Task<JsonElement> ChangeAsync(string rest, object body) =>
            (await _hub.PostJsonAsync($"{Settings}/{id}{rest}", body, _hub.Ana)).GetProperty("webhook");
        Assert.True((await ChangeAsync("/disable", new { })).GetProperty("disabled").GetBoolean());
        await _hub.CreateRepoAsync("x", "dataset");
        await _hub.PostJsonAsync("/api/datasets/ana/x/discussions", new { title = "unheard" }, _hub.Ana);
        Assert.False((await ChangeAsync("/enable", new { })).GetProperty("disabled").GetBoolean());
        var changed = await ChangeAsync("", new { watched = new[] { new { type = "model", name = "ana/y" } }, domains = new[] { "repo" } });
        Assert.Equal("""[{"type":"model","name":"ana/y"}] ["repo"] s3cret""",
            $"{changed.GetProperty("watched")} {changed.GetProperty("domains")} {changed.GetProperty("secret")}");
        await _hub.PostJsonAsync("/api/datasets/ana/x/discussions", new { title = "not any more" }, _hub.Ana);
        await _hub.CreateRepoAsync("y");
        Assert.Equal("repo create ana/y", await NextTextAsync());

        Assert.Equal(1, (await _hub.GetJsonAsync(Settings, _hub.Ana)).GetArrayLength());
        Assert.Equal(0, (await _hub.GetJsonAsync(Settings, _hub.Ben)).GetArrayLength());
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"{Settings}/{id}", _hub.Ben), HttpStatusCode.NotFound);
        await HubServer.AssertErrorAsync(await _hub.SendAsync(HttpMethod.Delete, $"{Settings}/{id}", _hub.Ben), HttpStatusCode.NotFound);
        var read = await _hub.Accounts.AddTokenAsync("ana", "r", TokenRole.Read, null, null, default);
        await HubServer.AssertErrorAsync(await _hub.GetAsync(Settings, read), HttpStatusCode.Forbidden);
        foreach (var bad in new object[]
        {
            new { url = "ftp://example.org/", watched = new[] { new { type = "user", name = "ana" } } },
            new { url = "http://u:p@example.org/", watched = new[] { new { type = "user", name = "ana" } } },
            new { url = "http://example.org/", watched = Array.Empty<object>() },
            new { url = "http://example.org/", watched = new[] { new { type = "model", name = "ana" } } },
            new { url = "http://example.org/", watched = new[] { new { type = "planet", name = "ana" } } },
            new { url = "http://example.org/", watched = new[] { new { type = "user", name = "ana" } }, domains = new[] { "all" } },
            new { url = "http://example.org/", watched = new[] { new { type = "user", name = "ana" } }, secret = "a\nb" },
            new { watched = new[] { new { type = "user", name = "ana" } } },
        })
            await HubServer.AssertErrorAsync(await _hub.PostAsync(Settings, bad, _hub.Ana), HttpStatusCode.BadRequest);
        await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Delete, $"{Settings}/{id}", _hub.Ana));
        await HubServer.AssertErrorAsync(await _hub.GetAsync($"{Settings}/{id}", _hub.Ana), HttpStatusCode.NotFound);
    }
}
