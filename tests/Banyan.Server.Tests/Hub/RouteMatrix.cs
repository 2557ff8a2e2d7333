using System.Net;
using System.Text.RegularExpressions;
using Banyan.Client;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Tests.Support;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Hub;

/// <summary>
/// Every route of the hub, as each kind of caller, on each kind of repository. The rows say what a route needs; a route without a
/// row fails, and so does a row without a route.
/// </summary>
public sealed partial class RouteMatrix
{
    /// <summary>Every route that is not only for reading, by its method.</summary>
    internal static IEnumerable<string> Changing =>
        s_rows.Keys.Where(r => !r.StartsWith("GET ", StringComparison.Ordinal) && !r.StartsWith("HEAD ", StringComparison.Ordinal)
            && !r.StartsWith("* ", StringComparison.Ordinal));

    // Here a Xet token or a signed address decides; without one nothing is given (tests of Xet and Lfs say more).
    static readonly string[] s_signed = ["/xet/", "/lfs/"];

    // Not of the hub, beside the models' routes, which ask for the server's key: pages, their assets.
    [GeneratedRegex(@"^/(health|health/live|health/ready|metrics|playground|chat|assets/.*|favicon\.ico)$")]
    private static partial Regex Elsewhere();

    sealed record Route(string Row, string Method, string Pattern, HubRoute Metadata);

    static List<Route> RoutesOf(HubServer hub)
    {
        var routes = new List<Route>();
        foreach (var endpoint in hub.Server.Services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints).OfType<RouteEndpoint>())
        {
            var pattern = "/" + endpoint.RoutePattern.RawText!.TrimStart('/');
            if (endpoint.Metadata.GetMetadata<HubRoute>() is not { } metadata)
            {
                var isOfModels = endpoint.Metadata.GetMetadata<IDialectMetadata>()?.Dialect is ModelDialect { AsksForKey: true };
                Assert.True(isOfModels || Elsewhere().IsMatch(pattern),
                    $"{pattern} has no HubRoute: map it with MapRepoApi, MapRepo or MapHub");
                continue;
            }
            if (s_signed.Any(s => pattern.StartsWith(s, StringComparison.Ordinal)))
                continue;
            var row = Regex.Replace(pattern, @"^/api/(models|datasets|spaces)/\{ns\}/\{name\}", "/api/{repo}");
            row = Regex.Replace(Regex.Replace(row, @"^/(datasets/|spaces/)?\{ns\}/\{name\}", "/{repo}"),
                "^/api/(models|datasets|spaces)$", "/api/{type}");
            foreach (var method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods
                ?? [endpoint.Metadata.GetMetadata<PageRoute>()?.Method ?? "*"])
                routes.Add(new Route($"{method} {row}", method, pattern, metadata));
        }
        return routes;
    }

    [Fact]
    public async Task Every_route_lets_in_whom_it_should_and_nobody_else()
    {
        await using var hub = await HubServer.StartAsync();
        var routes = RoutesOf(hub);
        Assert.Empty(routes.Select(r => r.Row).Except(s_rows.Keys));
        Assert.Empty(s_rows.Keys.Except(routes.Select(r => r.Row)));
        Assert.All(routes, r => Assert.Equal(s_rows[r.Row], r.Metadata.Need));

        async Task<string> Member(string name, Right role)
        {
            var token = await hub.AddUserAsync(name);
            await hub.Accounts.SetMemberAsync("acme", name, role, default);
            return token;
        }
        async Task<string> Token(TokenRole role, params TokenScope[] scopes) =>
            await hub.Accounts.AddTokenAsync("ana", "t", role, scopes, null, default);
        // Right: what there is without a grant. Granted: who was let in to the gated repository. Tells: whether the token lets its user say
        // something here.
        (string Who, string? Token, Right Right, bool Granted, bool Tells)[] callers =
        [
            ("nobody", null, Right.None, false, false),
            ("a stranger", hub.Ben, Right.None, false, true),
            ("a guest", await hub.AddUserAsync("guest"), Right.None, true, true),
            ("a guest's read token", await hub.Accounts.AddTokenAsync("guest", "t", TokenRole.Read, null, null, default),
                Right.None, true, false),
            ("a guest's token for elsewhere",
                await hub.Accounts.AddTokenAsync("guest", "t", TokenRole.FineGrained, [new("other", Right.Admin)], null, default),
                Right.None, false, false),
            ("a reader", await Member("reader", Right.Read), Right.Read, false, true),
            ("a writer", await Member("writer", Right.Write), Right.Write, false, true),
            ("an admin", hub.Ana, Right.Admin, false, true),
            ("an admin's read token", await Token(TokenRole.Read), Right.Read, false, false),
            ("an admin's token for elsewhere", await Token(TokenRole.FineGrained, new TokenScope("other", Right.Admin)),
                Right.None, false, false),
            ("an admin's token to write in acme", await Token(TokenRole.FineGrained, new TokenScope("acme", Right.Write)),
                Right.Write, false, true),
            ("a stranger's token for acme",
                await hub.Accounts.AddTokenAsync("ben", "t", TokenRole.FineGrained, [new("acme", Right.Admin)], null, default),
                Right.None, false, true),
        ];
        foreach (var type in new[] { "model", "dataset", "space" })
        {
            foreach (var kind in new[] { "public", "private", "gated" })
                await hub.CreateRepoAsync(kind, type, isPrivate: kind == "private", organization: "acme");
            await hub.SendAsync(HttpMethod.Put, $"/api/{type}s/acme/gated/settings", hub.Ana,
                System.Net.Http.Json.JsonContent.Create(new { gated = "manual" }));
            await HubServer.JsonOf(await hub.PostAsync($"/api/{type}s/acme/gated/user-access-request/grant",
                new { user = "guest" }, hub.Ana));
        }

        var wrong = new List<string>();
        // what takes a grant back, last
        foreach (var route in routes.Where(r => r.Metadata.Need >= Need.See)
            .OrderBy(r => r.Row.EndsWith("/cancel", StringComparison.Ordinal)))
        {
            // Types are mapped by one loop: the whole table for models, what matters most for the others.
            var isModel = route.Metadata.Type == RepoType.Model;
            foreach (var kind in isModel ? new[] { "public", "private", "gated" } : ["private"])
                foreach (var (who, token, right, granted, tells) in isModel ? callers : callers[..2])
                {
                    var response = await SendAsync(hub, route, kind, token);
                    if (Problem(route, kind, token is null, right, granted, tells, response) is { } problem)
                        wrong.Add($"{route.Method} {route.Pattern} on a {kind} repository as {who}: {problem}");
                }
            if (await SendAsync(hub, route, "public", "hf_forged") is { StatusCode: not HttpStatusCode.Unauthorized } let)
                wrong.Add($"{route.Method} {route.Pattern} with a forged token: {(int)let.StatusCode}");
        }
        foreach (var route in routes.Where(r => r.Metadata.Need == Need.User))
            foreach (var token in new[] { null, "hf_forged" })
                if (await SendAsync(hub, route, "public", token) is { StatusCode: not HttpStatusCode.Unauthorized } let)
                    wrong.Add($"{route.Method} {route.Pattern} as {token ?? "nobody"}: {(int)let.StatusCode}");
        Assert.True(wrong.Count == 0, string.Join("\n", wrong.Take(40)));
    }

    // No GET, and they change nothing all the same; by those of /login one becomes a user, by the last the hub takes changes again.
    static readonly string[] s_reading =
    [
        "POST /api/{repo}/paths-info/{**rest}", "POST /{repo}/git-upload-pack", "POST /{repo}.git/git-upload-pack",
        "POST /{repo}.git/info/lfs/objects/batch", "POST /{repo}.git/info/lfs/verify",
        "POST /{repo}.git/info/lfs/locks/verify", "POST /api/validate-yaml", "POST /api/telemetry/{**rest}", "POST /login",
        "POST /login/code", "POST /login/passkey", "POST /logout", "POST /oauth/userinfo", "PUT /api/settings/hub",
    ];

    static readonly string[] s_open = ["GET /login", "POST /login", "GET /login/forgot", "POST /login/forgot", "POST /login/code",
        "POST /login/passkey", "POST /login/set-up", "GET /login/with/{name}", "GET /login/with/{name}/callback", "POST /logout",
        "POST /oauth/device", "POST /oauth/token", "POST /oauth/revoke", "GET /oauth/authorize", "GET /oauth/jwks",
        "GET /.well-known/openid-configuration", "GET /join", "GET /signup", "POST /join", "GET /robots.txt", "GET /settings/language",
        "GET /api/telemetry/{**rest}", "HEAD /api/telemetry/{**rest}", "POST /api/telemetry/{**rest}"];

    [Fact]
    public async Task A_hub_that_is_only_read_takes_no_change_and_one_for_its_users_tells_strangers_nothing()
    {
        await using var hub = await HubServer.StartAsync();
        await hub.Accounts.SetAdminAsync("ana", true, default);
        await hub.CreateRepoAsync("public", organization: "acme");
        var routes = RoutesOf(hub).Where(r => r.Metadata.Type is null or RepoType.Model && !r.Row.StartsWith('*')).ToArray();

        await Set(new { maintenance = "We move." });
        Assert.Contains("We move.",
            await HubServer.AssertErrorAsync(await hub.PostAsync("/api/repos/create", new { name = "x" }, hub.Ana),
                HttpStatusCode.ServiceUnavailable));
        Assert.Contains("We move.",
            await (await hub.SendAsync(HttpMethod.Get, "/acme/public", headers: ("Accept", "text/html"))).Content.ReadAsStringAsync());
        // A browser's form is refused by a page that says why.
        var page = await hub.SendAsync(HttpMethod.Post, "/settings/tokens", hub.Ana, new FormUrlEncodedContent([]),
            ("Accept", "text/html,*/*"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "text/html"), (page.StatusCode, page.Content.Headers.ContentType?.MediaType));
        Assert.Contains("We move.", await page.Content.ReadAsStringAsync());
        Assert.NotNull(page.Headers.RetryAfter);
        var refused = new List<string>();
        foreach (var route in routes)
            if ((await SendAsync(hub, route, "public", hub.Ana)).StatusCode == HttpStatusCode.ServiceUnavailable)
                refused.Add(route.Row);
        Assert.Equal(Changing.Except(s_reading).Order(), refused.Order());
        await Set(new { maintenance = (string?)null });
        await hub.CreateRepoAsync("again");

        await Set(new { readers = "members" });
        var let = new List<string>();
        foreach (var route in routes)
            if ((await SendAsync(hub, route, "public", null)).StatusCode != HttpStatusCode.Unauthorized)
                let.Add(route.Row);
        Assert.Equal(s_open.Order(), let.Order());
        Assert.StartsWith("Basic",
            (await hub.GetAsync("/acme/public.git/info/refs?service=git-upload-pack")).Headers.WwwAuthenticate.Single().ToString());
        Assert.Equal(HttpStatusCode.OK, (await hub.GetAsync("/api/models/acme/public", hub.Ben)).StatusCode);
        await HubServer.AssertErrorAsync(await hub.SendAsync(HttpMethod.Put, "/api/settings/hub", hub.Ben,
            System.Net.Http.Json.JsonContent.Create(new { readers = "everyone" })), HttpStatusCode.Forbidden);
        foreach (var bad in new object[] { new { }, new { readers = "all" }, new { readers = (string?)null }, new { maintenance = 1 },
            new { maintenance = "" }, new { mode = "x" } })
            await HubServer.AssertErrorAsync(await hub.SendAsync(HttpMethod.Put, "/api/settings/hub", hub.Ana,
                System.Net.Http.Json.JsonContent.Create(bad)), HttpStatusCode.BadRequest);
        await Set(new { readers = "everyone" });
        Assert.Equal(HttpStatusCode.OK, (await hub.GetAsync("/api/models/acme/public")).StatusCode);

        // Bytes that come by signed addresses are changes too; what is asked for by them is not.
        var signed = hub.Server.Services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            .Where(e => e.RoutePattern.RawText is { } p && s_signed.Any(s => p.StartsWith(s, StringComparison.Ordinal)))
            .ToLookup(e => e.Metadata.GetMetadata<HubRoute>()!.Changes,
                e => $"{e.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods[0]} {e.RoutePattern.RawText}");
        Assert.All(signed[true], r => Assert.Matches(@"^(PUT /lfs/(objects|parts)|POST /lfs/parts|POST /xet/(v\d/)?(xorb|shard))", r));
        Assert.All(signed[false], r => Assert.Matches("^(GET|HEAD) |^POST (/lfs/verify|/xet/v1/telemetry)", r));

        async Task Set(object body) =>
            await HubServer.JsonOf(await hub.SendAsync(HttpMethod.Put, "/api/settings/hub", hub.Ana,
                System.Net.Http.Json.JsonContent.Create(body)));
    }

    [Fact]
    public async Task A_name_without_an_owner_is_no_repository_on_any_route()
    {
        await using var hub = await HubServer.StartAsync();
        var routes = RoutesOf(hub).Where(r => r.Pattern.Contains("{ns}/", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(routes);
        foreach (var route in routes)
        {
            var bare = route with { Pattern = route.Pattern.Replace("{ns}/", "") };
            var response = await SendAsync(hub, bare, "gpt2", hub.Ana);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            Assert.Equal("RepoNotFound", response.Headers.GetValues("X-Error-Code").Single());
            Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(hub, bare, "gpt2", "hf_forged")).StatusCode);
        }
        // A repository may be called as a route is.
        var named = await hub.CreateRepoAsync("resolve");
        var commit = await hub.CommitFilesAsync(named, hub.Ana, ("a.txt", "1"));
        Assert.Equal("1", await (await hub.GetAsync($"/{named}/resolve/main/a.txt")).Content.ReadAsStringAsync());
        Assert.Equal(commit, (await hub.GetJsonAsync($"/api/models/{named}")).GetProperty("sha").GetString());
    }

    static Task<HttpResponseMessage> SendAsync(HubServer hub, Route route, string kind, string? token)
    {
        var path = route.Pattern.Replace("{ns}", "acme").Replace("{name}", kind).Replace("{**rest}", "main").Replace("{num}", "7")
            .Replace("{comment}", "7");
        var body = route.Method is "GET" or "HEAD" ? null : new StringContent("{}", System.Text.Encoding.UTF8, "application/json");
        return hub.SendAsync(new HttpMethod(route.Method), path, token, body);
    }

    static string? Problem(Route route, string kind, bool anonymous, Right right, bool granted, bool tells, HttpResponseMessage response)
    {
        var (status, code) = ((int)response.StatusCode,
            response.Headers.TryGetValues("X-Error-Code", out var codes) ? codes.Single() : null);
        var git = Regex.IsMatch(route.Pattern, @"\.git/|/info/refs$|/git-(upload|receive)-pack$");
        (int Status, string? Code)? denied = (route.Metadata.Need, kind) switch
        {
            (_, "private") when right == Right.None => (git && anonymous ? 401 : 404, "RepoNotFound"),
            (Need.Read or Need.Contribute, "gated") when right == Right.None && !granted => (anonymous ? 401 : 403, "GatedRepo"),
            (Need.Ask or Need.Contribute, _) when !tells => (anonymous ? 401 : 403, null),
            (Need.Write, _) when right < Right.Write => (anonymous ? 401 : 403, null),
            (Need.Admin, _) when right < Right.Admin => (anonymous ? 401 : 403, null),
            _ => null,
        };
        if (denied is { } expected)
            return (status, code) == expected ? null : $"{status} {code}, expected {expected.Status} {expected.Code}";
        // Let in: what the empty request then comes to is the handler's affair, and it may refuse to delete the main branch.
        return status is 401 || code is "RepoNotFound" or "GatedRepo" || status >= 500 && status != 501
            || (status == 403 && route.Row != "DELETE /api/{repo}/branch/{**rest}") ? $"{status} {code}, expected to be let in" : null;
    }
}
