using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Banyan.Server.Access;
using Banyan.Server.Tests.Pages;
using Banyan.Server.Tests.Support;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Banyan.Server.Tests.Hub;

public sealed class ClusterOAuthAppTests(ClusterHub hub) : OAuthAppContract(hub), IClassFixture<ClusterHub>;

/// <summary>The hub as OAuth's and OpenID Connect's provider: users let apps in, and these get what they were given.</summary>
public abstract class OAuthAppContract(HubKind kind) : HubContract(kind, "kept")
{
    private protected const string Callback = "https://app.example.org/callback?from=hub", Verifier =
        "a-verifier-of-43-characters-at-least-0123456789";

    private protected static readonly string s_challenge = WebEncoders.Base64UrlEncode(SHA256.HashData(Encoding.ASCII.GetBytes(Verifier)));

    private protected static async Task<(string Client, string Secret)> RegisterAsync(PageVisit visit, string kind = "public",
        string redirects = Callback, string name = "An <app>")
    {
        var html =
            await (await visit.SendAsync("/settings/applications", "/settings/applications", ("name", name),
                ("homepage", "https://app.example.org"), ("redirects", redirects), ("kind", kind))).Content.ReadAsStringAsync();
        return (Regex.Match(html, "client_id=([0-9a-f-]{36})").Groups[1].Value,
            Regex.Match(html, "client_secret=(hfs_[A-Za-z0-9_-]+)").Groups[1].Value);
    }

    private protected static string Query(string client, params (string Name, string? Value)[] changes)
    {
        var values = new Dictionary<string, string?>
        {
            ["client_id"] = client,
            ["redirect_uri"] = Callback,
            ["response_type"] = "code",
            ["scope"] = "openid profile email read-repos inference-api",
            ["state"] = "a state & more",
            ["nonce"] = "once",
            ["code_challenge"] = s_challenge,
            ["code_challenge_method"] = "S256",
        };
        foreach (var (name, value) in changes)
            values[name] = value;
        return QueryHelpers.AddQueryString("/oauth/authorize", values.Where(v => v.Value is not null));
    }

    private protected static async Task<HttpResponseMessage> DecideAsync(PageVisit visit, string query, string what,
        params (string, string)[] more) =>
        await visit.SendAsync(query, "/oauth/authorize", [("request", query[query.IndexOf('?')..]), ("do", what), .. more]);

    private protected static Dictionary<string, string> Answer(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        return QueryHelpers.ParseQuery(response.Headers.Location!.Query).ToDictionary(q => q.Key, q => q.Value.Single()!);
    }

    private protected async Task<(int Status, JsonElement Json)> TokenAsync(string code, params (string Name, string? Value)[] changes)
    {
        var fields = new Dictionary<string, string?>
        {
            ["grant_type"] = "authorization_code",
            ["code"] = code,
            ["redirect_uri"] = Callback,
            ["code_verifier"] = Verifier
        };
        var headers = new List<(string, string)>();
        foreach (var (name, value) in changes)
            if (name == "basic")
                headers.Add(("Authorization", $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(value!))}"));
            else
                fields[name] = value;
        var response = await Hub.SendAsync(HttpMethod.Post, "/oauth/token", null,
            new FormUrlEncodedContent(fields.Where(f => f.Value is not null)!), [.. headers]);
        return ((int)response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement);
    }

    private protected async Task<string> CodeAsync(PageVisit visit, string client, params (string, string)[] more) =>
        Answer(await DecideAsync(visit, Query(client), "allow", more))["code"];

    private protected static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    [Fact]
    public async Task A_code_is_good_once_for_whom_it_was_made_and_a_second_use_ends_the_first()
    {
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        var (client, _) = await RegisterAsync(visit);
        var (server, secret) = await RegisterAsync(visit, "server", $"{Callback}\nhttps://app.example.org/other");
        async Task Refused(string error, string who, params (string, string?)[] changes)
        {
            var (status, json) = await TokenAsync(await CodeAsync(visit, who), [("client_id", who), .. changes]);
            Assert.Equal((error, error == "invalid_client" ? 401 : 400), (Text(json, "error"), status));
        }
        await Refused("invalid_grant", client, ("code_verifier", Verifier + "x"));
        await Refused("invalid_grant", client, ("code_verifier", null));
        await Refused("invalid_grant", client, ("redirect_uri", "https://app.example.org/callback"));
        await Refused("invalid_client", client, ("client_secret", "guess"));
        await Refused("invalid_client", client, ("client_id", server));
        await Refused("invalid_client", server);
        await Refused("invalid_client", server, ("client_secret", secret + "x"));
        await Refused("invalid_grant", server, ("client_secret", secret), ("code_verifier", null));
        await Refused("invalid_grant", server, ("client_id", client));
        Assert.Equal(200, (await TokenAsync(await CodeAsync(visit, server), ("client_id", server), ("client_secret", secret))).Status);
        // Without PKCE, as authlib does it with a secret; then a verifier is as wrong as none elsewhere.
        string plain = Query(server, ("code_challenge", null), ("code_challenge_method", null));
        Assert.Equal(200,
            (await TokenAsync(Answer(await DecideAsync(visit, plain, "allow"))["code"], ("basic", $"{server}:{secret}"),
                ("code_verifier", null))).Status);
        Assert.Equal("invalid_grant",
            Text((await TokenAsync(Answer(await DecideAsync(visit, plain, "allow"))["code"], ("basic", $"{server}:{secret}"))).Json,
                "error"));

        var code = await CodeAsync(visit, client);
        var access = Text((await TokenAsync(code)).Json, "access_token");
        Assert.Equal(HttpStatusCode.OK, (await Hub.GetAsync("/oauth/userinfo", access)).StatusCode);
        Assert.Equal("invalid_grant", Text((await TokenAsync(code)).Json, "error"));
        Assert.Equal(HttpStatusCode.Unauthorized, (await Hub.GetAsync("/oauth/userinfo", access)).StatusCode);
        Assert.Equal("invalid_grant", Text((await TokenAsync("none")).Json, "error"));
    }

    [Fact]
    public async Task An_app_that_may_goes_on_without_its_user_until_a_refresh_token_comes_twice()
    {
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        var (client, _) = await RegisterAsync(visit);
        var (server, secret) = await RegisterAsync(visit, "server");
        async Task<JsonElement> BeginAsync(string app, params (string, string?)[] changes)
        {
            var code = Answer(await DecideAsync(visit, Query(app, ("scope", "openid read-repos offline_access")), "allow"))["code"];
            return (await TokenAsync(code, [("client_id", app), .. changes])).Json;
        }
        async Task<(string? Error, JsonElement Json)> RefreshAsync(string app, string token, params (string, string?)[] changes)
        {
            var (_, json) = await TokenAsync("",
                [("grant_type", "refresh_token"), ("code", null), ("redirect_uri", null), ("code_verifier", null), ("refresh_token", token),
                    ("client_id", app), .. changes]);
            return (json.TryGetProperty("error", out var error) ? error.GetString() : null, json);
        }
        async Task<HttpStatusCode> MayAsync(JsonElement tokens) =>
            (await Hub.GetAsync("/oauth/userinfo", Text(tokens, "access_token"))).StatusCode;

        var first = await BeginAsync(client);
        Assert.Equal("openid offline_access read-repos", Text(first, "scope"));
        // Only its own client, which proves itself as at first.
        Assert.Equal("invalid_client", (await RefreshAsync(client, Text(first, "refresh_token"), ("client_secret", "guess"))).Error);
        Assert.Equal("invalid_client", (await RefreshAsync(client, Text(first, "refresh_token"), ("client_id", null))).Error);
        Assert.Equal("invalid_client", (await RefreshAsync(server, Text(first, "refresh_token"))).Error);
        Assert.Equal("invalid_grant", (await RefreshAsync(server, Text(first, "refresh_token"), ("client_secret", secret))).Error);
        var second = (await RefreshAsync(client, Text(first, "refresh_token"))).Json;
        Assert.Equal((Text(first, "scope"), 8 * 3600), (Text(second, "scope"), second.GetProperty("expires_in").GetInt32()));
        var third = (await RefreshAsync(client, Text(second, "refresh_token"))).Json;
        Assert.Equal(HttpStatusCode.OK, await MayAsync(third));
        Assert.Equal(3, new[] { first, second, third }.Select(t => Text(t, "refresh_token")).Distinct().Count());
        // The one before the last, whose answer may have been lost, was used; the first is long past: somebody else has it.
        Assert.Equal("invalid_grant", (await RefreshAsync(client, Text(first, "refresh_token"))).Error);
        foreach (var tokens in new[] { first, second, third })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await MayAsync(tokens));
            Assert.Equal("invalid_grant", (await RefreshAsync(client, Text(tokens, "refresh_token"))).Error);
        }

        // What its user or the app ends cannot be refreshed; an app with a secret needs it each time.
        var kept = await BeginAsync(server, ("client_secret", secret));
        Assert.Equal("invalid_client", (await RefreshAsync(server, Text(kept, "refresh_token"))).Error);
        kept = (await RefreshAsync(server, Text(kept, "refresh_token"), ("client_secret", secret))).Json;
        Assert.Equal(HttpStatusCode.OK,
            (await Hub.SendAsync(HttpMethod.Post, "/oauth/revoke", null,
                new FormUrlEncodedContent([new("token", Text(kept, "refresh_token"))]))).StatusCode);
        Assert.Equal("invalid_grant", (await RefreshAsync(server, Text(kept, "refresh_token"), ("client_secret", secret))).Error);
        Assert.Equal(HttpStatusCode.Unauthorized, await MayAsync(kept));
    }
}

/// <summary>What does not depend on the database.</summary>
public sealed class OAuthAppTests(LocalHub hub) : OAuthAppContract(hub), IClassFixture<LocalHub>
{
    [Fact]
    public async Task An_app_is_let_in_and_gets_what_it_was_given_and_no_more()
    {
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        using var developer = await PageVisit.OfAsync(Hub, "ben");
        var (client, none) = await RegisterAsync(developer);
        Assert.Equal("", none);
        using (var stranger = new PageVisit(Hub))
            Assert.Contains("value=\"/oauth/authorize?client_id=", (await stranger.GetAsync(Query(client))).Html);
        var page = await visit.SendAsync(new(HttpMethod.Get, Query(client)));
        var html = await page.Content.ReadAsStringAsync();
        Assert.Contains("An &lt;app&gt;", html);
        Assert.Contains("href=\"/ben\"", html);
        Assert.Contains("<strong>app.example.org</strong>", html);
        Assert.Contains("form-action 'self' https://app.example.org;", page.Headers.GetValues("Content-Security-Policy").Single());

        var answered = await DecideAsync(visit, Query(client), "allow", ("org", "acme"), ("org", "other"));
        Assert.StartsWith("https://app.example.org/callback?from=hub&", answered.Headers.Location!.ToString());
        Assert.Equal("no-referrer", answered.Headers.GetValues("Referrer-Policy").Single());
        var answer = Answer(answered);
        Assert.Equal(("a state & more", Hub.Address.TrimEnd('/')), (answer["state"], answer["iss"]));
        var (status, tokens) = await TokenAsync(answer["code"], ("client_id", client));
        Assert.Equal((200, "openid profile email read-repos", 8 * 3600, false),
            (status, Text(tokens, "scope"), tokens.GetProperty("expires_in").GetInt32(), tokens.TryGetProperty("refresh_token", out _)));
        var access = Text(tokens, "access_token");

        // The ID token, by a library that checks it as apps do.
        var keys = new JsonWebKeySet((await Hub.GetJsonAsync("/oauth/jwks")).GetRawText());
        var id = await new JsonWebTokenHandler().ValidateTokenAsync(Text(tokens, "id_token"),
            new()
            {
                ValidIssuer = Hub.Address.TrimEnd('/'),
                ValidAudience = client,
                IssuerSigningKeys = keys.GetSigningKeys(),
                ValidAlgorithms = ["RS256"]
            });
        Assert.True(id.IsValid, id.Exception?.ToString());
        var info = await Hub.GetJsonAsync("/oauth/userinfo", access);
        Assert.Equal(("once", "ana", Text(info, "sub")), (id.Claims["nonce"], id.Claims["preferred_username"], id.Claims["sub"]));
        Assert.Equal(("ana", "ana@example.org", "acme", "admin"),
            (Text(info, "preferred_username"), Text(info, "email"), Text(info.GetProperty("orgs")[0], "preferred_username"),
                Text(info.GetProperty("orgs")[0], "roleInOrg")));
        Assert.False(info.GetProperty("email_verified").GetBoolean());

        // It reads, in ana's and acme's namespaces, and changes nothing; nor does it manage her account.
        Assert.Equal(HttpStatusCode.OK, (await Hub.GetAsync($"/api/models/{Repo}", access)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await Hub.CommitAsync(Repo, access, "x", null, HubServer.File("a.txt", "a"))).StatusCode);
        foreach (var (method, path) in new[] { ("POST", "/api/repos/create"), ("GET", "/api/settings/tokens"),
            ("POST", "/api/settings/tokens"), ("POST", "/api/organizations"), ("GET", "/api/settings/webhooks"),
            ("GET", "/settings/tokens"), ("POST", "/oauth/authorize"), ("GET", "/oauth/device") })
            Assert.Equal((path, HttpStatusCode.Forbidden),
                (path, (await Hub.SendAsync(new(method), path, access, method == "GET" ? null
                    : System.Net.Http.Json.JsonContent.Create(new { name = "x", organization = "acme", type = "model" }))).StatusCode));

        // Without the scopes neither the private repository is there nor the mail address.
        var little =
            (await TokenAsync(
                Answer(await DecideAsync(visit, Query(client, ("scope", "openid profile write-discussions"), ("nonce", null)),
                    "allow"))["code"])).Json;
        Assert.Equal("openid profile", Text(little, "scope"));
        Assert.Equal(HttpStatusCode.NotFound, (await Hub.GetAsync($"/api/models/{Repo}", Text(little, "access_token"))).StatusCode);
        Assert.False((await Hub.GetJsonAsync("/oauth/userinfo", Text(little, "access_token"))).TryGetProperty("email", out _));
        Assert.Equal(JsonValueKind.Null,
            (await Hub.GetJsonAsync("/api/whoami-v2", Text(little, "access_token"))).GetProperty("email").ValueKind);
        Assert.True((await Hub.GetJsonAsync("/oauth/userinfo", Hub.Ana)).TryGetProperty("email", out _));

        // The app goes, and all it was given with it.
        var appId = Regex.Match((await developer.GetAsync("/settings/applications")).Html,
            "/settings/applications/remove(?s:.*?)name=\"id\" value=\"(\\d+)\"").Groups[1].Value;
        Assert.Equal(HttpStatusCode.BadRequest,
            (await visit.SendAsync("/settings/applications", "/settings/applications/remove", ("id", appId))).StatusCode);
        Assert.Equal(HttpStatusCode.OK,
            (await developer.SendAsync("/settings/applications", "/settings/applications/remove", ("id", appId))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Hub.GetAsync("/oauth/userinfo", access)).StatusCode);
        Assert.Equal(400, (await visit.GetAsync(Query(client))).Status);
    }

    [Fact]
    public async Task Nobody_is_led_where_no_app_registered_and_what_else_is_wrong_the_app_is_told()
    {
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        var (client, _) = await RegisterAsync(visit, redirects: $"{Callback}\nhttp://127.0.0.1/callback");
        foreach (var redirect in new[] { "https://evil.example/callback", "https://app.example.org/callback",
            "https://app.example.org/callback?from=hub&x=1", "https://app.example.org.evil.example/callback?from=hub",
            "https://app.example.org@evil.example/callback?from=hub",
            "https://app.example.org/callback/../evil?from=hub", "http://app.example.org/callback?from=hub", "http://127.0.0.1:8000/other",
            "http://127.0.0.1.evil.example/callback", "http://localhost/callback", "javascript:alert(1)", "//evil.example", "" })
        {
            var response = await visit.SendAsync(new(HttpMethod.Get, Query(client, ("redirect_uri", redirect))));
            Assert.Equal((redirect, HttpStatusCode.BadRequest, null), (redirect, response.StatusCode, response.Headers.Location));
        }
        // a program on one's machine takes a free port
        Assert.Equal(200, (await visit.GetAsync(Query(client, ("redirect_uri", "http://127.0.0.1:45123/callback")))).Status);
        Assert.Equal(400, (await visit.GetAsync(Query("none"))).Status);
        Assert.Equal(400, (await visit.GetAsync(Query(client) + "&state=2")).Status);

        foreach (var (error, changes) in new (string, (string, string?)[])[]
        {
            ("invalid_request", [("code_challenge", null), ("code_challenge_method", null)]),
            ("invalid_request", [("code_challenge_method", "plain")]), ("invalid_request", [("code_challenge", "short")]),
            ("unsupported_response_type", [("response_type", "token")]), ("invalid_request", [("response_type", null)]),
            ("invalid_request", [("response_mode", "fragment")]),
            ("invalid_scope", [("scope", "everything")]), ("request_not_supported", [("request", "x")]),
            ("consent_required", [("prompt", "none")]),
        })
        {
            var answer = Answer(await visit.SendAsync(new(HttpMethod.Get, Query(client, changes))));
            Assert.Equal((error, "a state & more"), (answer["error"], answer["state"]));
        }
        Assert.Equal("access_denied", Answer(await DecideAsync(visit, Query(client), "deny"))["error"]);
        using (var stranger = new PageVisit(Hub))
            Assert.Equal("login_required",
                Answer(await stranger.SendAsync(new(HttpMethod.Get, Query(client, ("prompt", "none")))))["error"]);

        // Another site's form lets nobody in; what the form says is looked at again.
        Assert.Equal(HttpStatusCode.Forbidden,
            (await visit.PostAsync("/oauth/authorize", ("request", Query(client)), ("do", "allow"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await visit.SendAsync(Query(client), "/oauth/authorize",
                ("request", $"?client_id={client}&redirect_uri=https://evil.example/&response_type=code"), ("do", "allow"))).StatusCode);
        foreach (var bad in new[] { "http://app.example.org/callback", "https://app.example.org/#x", "https://u:p@app.example.org/",
            "javascript:alert(1)", "app.example.org", "https://*.example.org/", "" })
            Assert.Equal(("", ""), await RegisterAsync(visit, redirects: bad));
        foreach (var action in new[] { "/settings/applications", "/settings/applications/remove" })
            Assert.Equal(HttpStatusCode.Forbidden,
                (await visit.PostAsync(action, ("name", "x"), ("redirects", Callback), ("kind", "public"), ("id", "1"))).StatusCode);
    }

    [Fact]
    public async Task Apps_in_a_browser_reach_what_no_cookie_counts_for()
    {
        foreach (var (path, method) in new[] { ("/.well-known/openid-configuration", "GET"), ("/oauth/jwks", "GET"),
            ("/oauth/token", "POST"), ("/oauth/revoke", "POST"), ("/oauth/userinfo", "GET") })
        {
            var preflight = await Hub.SendAsync(HttpMethod.Options, path, null, null, ("Origin", "https://app.example.org"),
                ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", "authorization"));
            Assert.Equal((HttpStatusCode.NoContent, "https://app.example.org"),
                (preflight.StatusCode, preflight.Headers.GetValues("Access-Control-Allow-Origin").Single()));
            Assert.False(preflight.Headers.Contains("Access-Control-Allow-Credentials"));
        }
        foreach (var path in new[] { "/oauth/authorize", "/oauth/device/decide", "/settings/applications" })
            Assert.Equal(HttpStatusCode.Forbidden,
                (await Hub.SendAsync(HttpMethod.Post, path, null, new FormUrlEncodedContent([]),
                    ("Origin", "https://evil.example"))).StatusCode);
        var configuration = await Hub.GetJsonAsync("/.well-known/openid-configuration");
        var root = Hub.Address.TrimEnd('/');
        Assert.Equal((root, $"{root}/oauth/authorize", $"{root}/oauth/token", $"{root}/oauth/userinfo"),
            (Text(configuration, "issuer"), Text(configuration, "authorization_endpoint"), Text(configuration, "token_endpoint"),
                Text(configuration, "userinfo_endpoint")));
    }
}
