using System.Net;
using System.Text.Json;
using Banyan.Server.Accounts;
using Banyan.Server.OAuth;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Maintenance;
using Banyan.Server.Tests.Pages;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

public sealed class ClusterDeviceFlowTests(ClusterHub hub) : DeviceFlowContract(hub), IClassFixture<ClusterHub>;

/// <summary><c>hf auth login</c> by a browser (RFC 8628), step by step as huggingface_hub takes it.</summary>
public abstract class DeviceFlowContract(HubKind kind) : HubContract(kind, "kept")
{
    // What is asked too soon does not depend on how busy the machine is.
    private protected override TimeProvider Clock { get; } = new TestClock(still: true);

    private protected const string DeviceCode = "urn:ietf:params:oauth:grant-type:device_code";

    private protected static readonly string s_client = OAuthClient.CommandLine.Id;

    private protected async Task<(int Status, JsonElement Json)> PostAsync(string path, params (string Name, string Value)[] fields)
    {
        var response = await Hub.SendAsync(HttpMethod.Post, path, null,
            new FormUrlEncodedContent(fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value))),
            ("User-Agent", "unknown/None; hf_hub/1.29.0; python/3.12"));
        Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
        return ((int)response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement);
    }

    private protected async Task<JsonElement> BeginAsync()
    {
        var (status, begun) = await PostAsync("/oauth/device", ("client_id", s_client));
        Assert.Equal(200, status);
        return begun;
    }

    private protected Task<(int Status, JsonElement Json)> AskAsync(string device) =>
        PostAsync("/oauth/token", ("grant_type", DeviceCode), ("device_code", device), ("client_id", s_client));

    private protected Task<(int Status, JsonElement Json)> RefreshAsync(string token) =>
        PostAsync("/oauth/token", ("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", s_client));

    /// <summary>As if time went by.</summary>
    private protected Task ChangeAsync(string sql) =>
        Hub.Server.Services.GetRequiredService<HubDatabase>().WriteAsync(t => t.ExecuteAsync(sql), default);

    private protected Task WaitAsync() => ChangeAsync("UPDATE oauth_device_codes SET polled_at = 0");

    private protected static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private protected static Task<HttpResponseMessage> DecideAsync(PageVisit visit, string code, string what) =>
        visit.SendAsync("/oauth/device", "/oauth/device/decide", ("user_code", code), ("do", what));

    private protected async Task<int> WhoAsync(string token) => (int)(await Hub.GetAsync("/api/whoami-v2", token)).StatusCode;

    [Fact]
    public async Task A_program_is_let_in_goes_on_by_itself_and_ends_with_its_grant()
    {
        var begun = await BeginAsync();
        var (device, code) = (Text(begun, "device_code"), Text(begun, "user_code"));
        Assert.Equal(["device_code", "expires_in", "interval", "user_code", "verification_uri", "verification_uri_complete"],
            begun.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal((900, 5), (begun.GetProperty("expires_in").GetInt32(), begun.GetProperty("interval").GetInt32()));
        Assert.Matches("^[B-Z]{4}-[B-Z]{4}$", code);
        Assert.Equal($"{Hub.Address.TrimEnd('/')}/oauth/device?user_code={code}", Text(begun, "verification_uri_complete"));
        var (status, pending) = await AskAsync(device);
        Assert.Equal((400, "authorization_pending"), (status, Text(pending, "error")));
        Assert.Equal("slow_down", Text((await AskAsync(device)).Json, "error"));

        // A stranger is asked to sign in and comes back with the code; then it is shown who asks.
        using var stranger = new PageVisit(Hub);
        var asked = await stranger.GetAsync($"/oauth/device?user_code={code}");
        Assert.Equal(401, asked.Status);
        Assert.Contains($"value=\"/oauth/device?user_code={code}\"", asked.Html);
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        var shown = await visit.GetAsync($"/oauth/device?user_code={code.ToLowerInvariant().Replace("-", " ")}");
        Assert.Contains("hf_hub/1.29.0", shown.Html);
        Assert.Contains("Let it in", shown.Html);
        Assert.Equal("slow_down", Text((await AskAsync(device)).Json, "error"));
        Assert.Equal(HttpStatusCode.OK, (await DecideAsync(visit, code, "allow")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await DecideAsync(visit, code, "deny")).StatusCode);

        await WaitAsync();
        var (given, tokens) = await AskAsync(device);
        Assert.Equal(200, given);
        Assert.Equal(("bearer", 30 * 24 * 3600), (Text(tokens, "token_type"), tokens.GetProperty("expires_in").GetInt32()));
        Assert.Equal("invalid_grant", Text((await AskAsync(device)).Json, "error"));
        var (access, refresh) = (Text(tokens, "access_token"), Text(tokens, "refresh_token"));
        Assert.Matches("^hf_[A-Za-z0-9]{34,}$", access);   // llama.cpp sends no other
        var who = await Hub.GetJsonAsync("/api/whoami-v2", access);
        Assert.Equal(("ana", "app_token_as_user"), (Text(who, "name"), Text(who.GetProperty("auth"), "type")));
        Assert.False(who.GetProperty("auth").TryGetProperty("accessToken", out _));
        await Hub.CreateRepoAsync("by-program", token: access);
        Assert.DoesNotContain("command line", (await visit.GetAsync("/settings/tokens")).Html);
        Assert.Contains("command line", (await visit.GetAsync("/settings/applications")).Html);

        // The next token; the one before goes on, and so does the refresh token before, as its answer may have been lost.
        var second = (await RefreshAsync(refresh)).Json;
        var third = (await RefreshAsync(refresh)).Json;
        foreach (var token in (string[])[access, Text(second, "access_token"), Text(third, "access_token")])
            Assert.Equal(200, await WhoAsync(token));
        var fourth = (await RefreshAsync(Text(third, "refresh_token"))).Json;
        Assert.Equal((401, 200), (await WhoAsync(access), await WhoAsync(Text(fourth, "access_token"))));   // three live
        // Later it is a thief's.
        await ChangeAsync("UPDATE oauth_grants SET refreshed_at = refreshed_at - 700000");
        Assert.Equal("invalid_grant", Text((await RefreshAsync(Text(third, "refresh_token"))).Json, "error"));
        Assert.Equal(401, await WhoAsync(Text(fourth, "access_token")));
        Assert.Equal("invalid_grant", Text((await RefreshAsync(Text(fourth, "refresh_token"))).Json, "error"));
        Assert.DoesNotContain("command line", (await visit.GetAsync("/settings/applications")).Html);

        // Two that go on from one: which is the thief's nobody knows.
        refresh = Text(await LetInAsync(visit), "refresh_token");
        (second, third) = ((await RefreshAsync(refresh)).Json, (await RefreshAsync(refresh)).Json);
        Assert.Equal("invalid_grant", Text((await RefreshAsync(Text(second, "refresh_token"))).Json, "error"));
        Assert.Equal(401, await WhoAsync(Text(third, "access_token")));
        Assert.Equal("invalid_grant", Text((await RefreshAsync(Text(third, "refresh_token"))).Json, "error"));
    }

    private protected async Task<JsonElement> LetInAsync(PageVisit visit)
    {
        var begun = await BeginAsync();
        Assert.Equal(HttpStatusCode.OK, (await DecideAsync(visit, Text(begun, "user_code"), "allow")).StatusCode);
        return (await AskAsync(Text(begun, "device_code"))).Json;
    }
}

/// <summary>What does not depend on the database.</summary>
public sealed class DeviceFlowTests(LocalHub hub) : DeviceFlowContract(hub), IClassFixture<LocalHub>
{
    [Fact]
    public async Task A_grant_ends_by_its_user_by_either_token_and_with_the_account()
    {
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        using var other = await PageVisit.OfAsync(Hub, "ben");
        var services = Hub.Server.Services;
        var (first, second, third, fourth) = (await LetInAsync(visit), await LetInAsync(visit), await LetInAsync(visit),
            await LetInAsync(visit));
        var newest =
            (await services.GetRequiredService<Grants>().ListAsync((await Hub.Accounts.FindAsync("ana", default))!.Id, default))[0].Id;
        Assert.Equal(HttpStatusCode.BadRequest,
            (await other.SendAsync("/settings/applications", "/settings/applications/end", ("id", $"{newest}"))).StatusCode);
        Assert.Equal(200, await WhoAsync(Text(fourth, "access_token")));
        Assert.Equal(HttpStatusCode.OK,
            (await visit.SendAsync("/settings/applications", "/settings/applications/end", ("id", $"{newest}"))).StatusCode);
        Assert.Equal(401, await WhoAsync(Text(fourth, "access_token")));
        foreach (var (tokens, name) in new[] { (first, "access_token"), (second, "refresh_token") })
        {
            Assert.Equal(200, (await PostAsync("/oauth/revoke", ("token", Text(tokens, name)), ("client_id", s_client))).Status);
            Assert.Equal((401, "invalid_grant"),
                (await WhoAsync(Text(tokens, "access_token")), Text((await RefreshAsync(Text(tokens, "refresh_token"))).Json, "error")));
        }
        Assert.Equal(200, (await PostAsync("/oauth/revoke", ("token", "hf_none"))).Status);
        Assert.Equal(200, (await PostAsync("/oauth/revoke", ("token", Hub.Ana))).Status);   // not a program's
        Assert.Equal(200, await WhoAsync(Hub.Ana));
        // Who takes away a program's token by its row takes away the program: it would have the next in a moment.
        await Hub.Accounts.RevokeTokenAsync((await Hub.Accounts.TokensAsync("ana", default)).Single(t => t.GrantId is not null).Id,
            default);
        Assert.Equal("invalid_grant", Text((await RefreshAsync(Text(third, "refresh_token"))).Json, "error"));

        var last = await LetInAsync(visit);
        await Hub.Accounts.SuspendAsync("ana", true, default);
        Assert.Equal((403, "invalid_grant"),
            (await WhoAsync(Text(last, "access_token")), Text((await RefreshAsync(Text(last, "refresh_token"))).Json, "error")));
    }

    [Fact]
    public async Task What_is_no_request_gets_the_code_that_clients_know_and_nothing_else()
    {
        var begun = await BeginAsync();
        var device = Text(begun, "device_code");
        foreach (var (path, fields, status, error) in new (string, (string, string)[], int, string)[]
        {
            ("/oauth/device", [], 400, "invalid_request"),
            ("/oauth/device", [("client_id", "somebody")], 401, "invalid_client"),
            ("/oauth/device", [("client_id", s_client), ("client_id", s_client)], 400, "invalid_request"),
            ("/oauth/token", [], 400, "invalid_request"),
            ("/oauth/token", [("grant_type", "password"), ("username", "ana"), ("password", "x")], 400, "unsupported_grant_type"),
            ("/oauth/token", [("grant_type", DeviceCode), ("client_id", s_client)], 400, "invalid_request"),
            ("/oauth/token", [("grant_type", DeviceCode), ("device_code", device), ("client_id", "somebody")], 401, "invalid_client"),
            ("/oauth/token",
                [("grant_type", DeviceCode), ("device_code", Text(begun, "user_code")), ("client_id", s_client)], 400, "invalid_grant"),
            ("/oauth/token", [("grant_type", "refresh_token"), ("refresh_token", Hub.Ana), ("client_id", s_client)], 400, "invalid_grant"),
            ("/oauth/revoke", [], 400, "invalid_request"),
        })
        {
            var (got, json) = await PostAsync(path, fields);
            Assert.Equal((path, status, error), (path, got, Text(json, "error")));
        }
        var json400 = await Hub.PostAsync("/oauth/token", new { grant_type = DeviceCode });
        Assert.Equal("invalid_request", Text(JsonDocument.Parse(await json400.Content.ReadAsStringAsync()).RootElement, "error"));

        using var visit = await PageVisit.OfAsync(Hub, "ana");
        Assert.Equal(HttpStatusCode.OK, (await DecideAsync(visit, Text(begun, "user_code"), "deny")).StatusCode);
        Assert.Equal("access_denied", Text((await AskAsync(device)).Json, "error"));
        var late = await BeginAsync();
        await ChangeAsync("UPDATE oauth_device_codes SET expires_at = expires_at - 900001");
        Assert.Equal("expired_token", Text((await AskAsync(Text(late, "device_code"))).Json, "error"));
        Assert.Equal(HttpStatusCode.BadRequest, (await DecideAsync(visit, Text(late, "user_code"), "allow")).StatusCode);
    }

    [Fact]
    public async Task Nobody_is_let_in_by_another_site_by_a_token_or_by_guessing()
    {
        var code = Text(await BeginAsync(), "user_code");
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        Assert.Equal(HttpStatusCode.Forbidden,
            (await visit.PostAsync("/oauth/device/decide", ("user_code", code), ("do", "allow"))).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await visit.PostAsync("/settings/applications/end", ("id", "1"))).StatusCode);
        var form = new FormUrlEncodedContent([new("user_code", code), new("do", "allow")]);
        Assert.Equal(HttpStatusCode.Forbidden, (await Hub.SendAsync(HttpMethod.Post, "/oauth/device/decide", Hub.Ana, form)).StatusCode);
        Assert.Contains("frame-ancestors 'none'",
            (await visit.SendAsync(new(HttpMethod.Get, $"/oauth/device?user_code={code}"))).Headers.GetValues("Content-Security-Policy")
                .Single());
        var statuses = new List<int>();
        for (var i = 0; i < 9; i++)
            statuses.Add((await visit.GetAsync($"/oauth/device?user_code=BBBB-BBB{"BCDFGHJKL"[i]}")).Status);
        Assert.Equal([400, 400, 400, 400, 400, 400, 400, 400, 429], statuses);
        Assert.Equal(429, (await visit.GetAsync($"/oauth/device?user_code={code}")).Status);
    }
}
