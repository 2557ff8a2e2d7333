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
    // {type} is models, datasets and spaces; {repo} is the repository with the prefix of its type.
    static readonly Dictionary<string, Need> s_rows = new()
    {
        ["GET /api/whoami-v2"] = Need.User,
        ["GET /api/audit"] = Need.User,
        ["GET /api/settings/jobs"] = Need.User,
        ["POST /api/settings/jobs/{name}/run"] = Need.User,
        ["GET /api/settings/hub"] = Need.User,
        ["PUT /api/settings/hub"] = Need.User,
        ["GET /api/settings/tokens"] = Need.User,
        ["POST /api/settings/tokens"] = Need.User,
        ["DELETE /api/settings/tokens/{id}"] = Need.User,
        ["GET /api/settings/signing-keys"] = Need.User,
        ["POST /api/settings/signing-keys"] = Need.User,
        ["POST /api/settings/signing-keys/challenge"] = Need.User,
        ["DELETE /api/settings/signing-keys/{id}"] = Need.User,
        ["GET /api/users"] = Need.User,
        ["POST /api/users"] = Need.User,
        ["DELETE /api/users/{name}"] = Need.User,
        ["POST /api/users/{name}/suspend"] = Need.User,
        ["POST /api/users/{name}/resume"] = Need.User,
        ["GET /api/users/{name}/storage"] = Need.User,
        ["PUT /api/users/{name}/storage"] = Need.User,
        ["GET /api/organizations/{name}/storage"] = Need.User,
        ["PUT /api/organizations/{name}/storage"] = Need.User,
        ["GET /api/settings/storage"] = Need.User,
        ["PUT /api/settings/storage"] = Need.User,
        ["GET /api/users/{name}/followers"] = Need.Nothing,
        ["GET /api/users/{name}/following"] = Need.Nothing,
        ["GET /api/organizations/{name}/followers"] = Need.Nothing,
        ["POST /api/users/{name}/follow"] = Need.User,
        ["DELETE /api/users/{name}/follow"] = Need.User,
        ["POST /api/organizations/{name}/follow"] = Need.User,
        ["DELETE /api/organizations/{name}/follow"] = Need.User,
        ["GET /api/settings/watch"] = Need.User,
        ["PATCH /api/settings/watch"] = Need.User,
        ["GET /api/datasets-server/is-valid"] = Need.Nothing,
        ["GET /api/datasets-server/splits"] = Need.Nothing,
        ["GET /api/datasets-server/parquet"] = Need.Nothing,
        ["GET /api/datasets-server/first-rows"] = Need.Nothing,
        ["GET /api/datasets-server/rows"] = Need.Nothing,
        ["GET /api/datasets-server/search"] = Need.Nothing,
        ["GET /api/datasets-server/filter"] = Need.Nothing,
        ["GET /api/datasets-server/statistics"] = Need.Nothing,
        ["GET /api/datasets-server/size"] = Need.Nothing,
        ["GET /api/datasets-server/info"] = Need.Nothing,
        ["POST /settings/following"] = Need.User,
        ["GET /settings/language"] = Need.Nothing,
        ["GET /signup"] = Need.Nothing,
        ["GET /settings/machine"] = Need.Nothing,
        ["GET /notifications"] = Need.User,
        ["POST /notifications"] = Need.User,
        ["GET /api/users/{name}/overview"] = Need.Nothing,
        ["GET /api/organizations/{name}/overview"] = Need.Nothing,
        ["GET /api/organizations/{name}/members"] = Need.Nothing,
        ["POST /api/organizations"] = Need.User,
        ["DELETE /api/organizations/{name}"] = Need.User,
        ["PUT /api/organizations/{name}/members/{user}"] = Need.User,
        ["DELETE /api/organizations/{name}/members/{user}"] = Need.User,
        ["GET /api/organizations/{name}/resource-groups"] = Need.User,
        ["POST /api/organizations/{name}/resource-groups"] = Need.User,
        ["GET /api/organizations/{name}/resource-groups/{id}"] = Need.User,
        ["DELETE /api/organizations/{name}/resource-groups/{id}"] = Need.User,
        ["POST /api/organizations/{name}/resource-groups/{id}/users"] = Need.User,
        ["PATCH /api/organizations/{name}/resource-groups/{id}/users/{user}"] = Need.User,
        ["DELETE /api/organizations/{name}/resource-groups/{id}/users/{user}"] = Need.User,
        ["GET /api/{repo}/resource-group"] = Need.Write,
        ["POST /api/{repo}/resource-group"] = Need.Admin,
        ["POST /api/repos/create"] = Need.User,
        ["DELETE /api/repos/delete"] = Need.User,
        ["POST /api/repos/move"] = Need.User,
        ["GET /api/{type}"] = Need.Nothing,
        ["GET /api/models-tags-by-type"] = Need.Nothing,
        ["GET /api/datasets-tags-by-type"] = Need.Nothing,
        ["POST /api/validate-yaml"] = Need.Nothing,
        ["HEAD /api/telemetry/{**rest}"] = Need.Nothing,
        ["GET /api/telemetry/{**rest}"] = Need.Nothing,
        ["POST /api/telemetry/{**rest}"] = Need.Nothing,
        ["GET /api/settings/repositories"] = Need.User,
        ["GET /api/organizations/{name}/settings/repositories"] = Need.User,
        ["GET /api/settings/webhooks"] = Need.User,
        ["POST /api/settings/webhooks"] = Need.User,
        ["GET /api/settings/webhooks/{id}"] = Need.User,
        ["POST /api/settings/webhooks/{id}"] = Need.User,
        ["DELETE /api/settings/webhooks/{id}"] = Need.User,
        ["POST /api/settings/webhooks/{id}/enable"] = Need.User,
        ["POST /api/settings/webhooks/{id}/disable"] = Need.User,
        ["GET /api/users/{name}/likes"] = Need.Nothing,
        ["GET /"] = Need.Nothing,
        ["GET /models"] = Need.Nothing,
        ["GET /datasets"] = Need.Nothing,
        ["GET /spaces"] = Need.Nothing,
        ["GET /search"] = Need.Nothing,
        ["GET /api/collections"] = Need.Nothing,
        ["POST /api/collections"] = Need.User,
        ["GET /api/collections/{owner}/{slug}"] = Need.Nothing,
        ["PATCH /api/collections/{owner}/{slug}"] = Need.User,
        ["DELETE /api/collections/{owner}/{slug}"] = Need.User,
        ["POST /api/collections/{owner}/{slug}/items"] = Need.User,
        ["PATCH /api/collections/{owner}/{slug}/items/{item}"] = Need.User,
        ["DELETE /api/collections/{owner}/{slug}/items/{item}"] = Need.User,
        ["GET /collections"] = Need.Nothing,
        ["POST /collections"] = Need.User,
        ["GET /collections/{owner}/{slug}"] = Need.Nothing,
        ["POST /collections/{owner}/{slug}"] = Need.User,
        ["GET /feed"] = Need.Nothing,
        ["GET /feed/new"] = Need.Nothing,
        ["GET /feed/{ns}"] = Need.Nothing,
        ["GET /sitemap.xml"] = Need.Nothing,
        ["GET /robots.txt"] = Need.Nothing,
        ["GET /{ns}"] = Need.Nothing,
        ["GET /login"] = Need.Nothing,
        ["POST /login"] = Need.Nothing,
        ["GET /login/with/{name}"] = Need.Nothing,
        ["GET /login/with/{name}/callback"] = Need.Nothing,
        ["GET /login/forgot"] = Need.Nothing,
        ["POST /login/forgot"] = Need.Nothing,
        ["GET /settings/organizations"] = Need.User,
        ["POST /settings/organizations"] = Need.User,
        ["GET /settings/mail"] = Need.User,
        ["POST /settings/mail"] = Need.User,
        ["POST /login/code"] = Need.Nothing,
        ["POST /login/passkey"] = Need.Nothing,
        ["POST /login/set-up"] = Need.Nothing,
        ["POST /logout"] = Need.Nothing,
        ["POST /oauth/device"] = Need.Nothing,
        ["POST /oauth/token"] = Need.Nothing,
        ["POST /oauth/revoke"] = Need.Nothing,
        ["GET /oauth/device"] = Need.User,
        ["POST /oauth/device/decide"] = Need.User,
        ["GET /oauth/authorize"] = Need.Nothing,
        ["POST /oauth/authorize"] = Need.User,
        ["GET /oauth/jwks"] = Need.Nothing,
        ["GET /oauth/userinfo"] = Need.User,
        ["POST /oauth/userinfo"] = Need.User,
        ["GET /.well-known/openid-configuration"] = Need.Nothing,
        ["GET /join"] = Need.Nothing,
        ["POST /join"] = Need.Nothing,
        ["GET /new"] = Need.User,
        ["POST /new"] = Need.User,
        ["GET /settings"] = Need.User,
        ["GET /settings/tokens"] = Need.User,
        ["GET /settings/storage"] = Need.User,
        ["POST /settings/tokens"] = Need.User,
        ["POST /settings/tokens/revoke"] = Need.User,
        ["GET /settings/password"] = Need.User,
        ["POST /settings/password"] = Need.User,
        ["POST /settings/second-factor"] = Need.User,
        ["POST /settings/identities"] = Need.User,
        ["GET /settings/signing-keys"] = Need.User,
        ["POST /settings/signing-keys"] = Need.User,
        ["POST /settings/passkeys"] = Need.User,
        ["POST /settings/passkeys/remove"] = Need.User,
        ["POST /settings/sessions/end"] = Need.User,
        ["GET /settings/applications"] = Need.User,
        ["POST /settings/applications"] = Need.User,
        ["POST /settings/applications/remove"] = Need.User,
        ["POST /settings/applications/end"] = Need.User,
        ["GET /settings/users"] = Need.User,
        ["GET /settings/audit"] = Need.User,
        ["GET /tune"] = Need.User,
        ["GET /tune/{run}"] = Need.User,
        ["GET /settings/jobs"] = Need.User,
        ["POST /settings/jobs"] = Need.User,
        ["POST /settings/users"] = Need.User,
        ["* /api/{**rest}"] = Need.Nothing,
        ["* /oauth/{**rest}"] = Need.Nothing,

        ["GET /{repo}/settings"] = Need.Write,
        ["POST /{repo}/settings"] = Need.Write,
        ["GET /api/{repo}"] = Need.See,
        ["GET /api/{repo}/revision/{**rest}"] = Need.See,
        ["GET /api/{repo}/tree/{**rest}"] = Need.Read,
        ["POST /api/{repo}/paths-info/{**rest}"] = Need.Read,
        ["GET /api/{repo}/refs"] = Need.Read,
        ["GET /api/{repo}/commits/{**rest}"] = Need.Read,
        ["GET /api/{repo}/auth-check"] = Need.Read,
        ["GET /api/{repo}/auth-check/write"] = Need.Write,
        ["POST /api/{repo}/preupload/{**rest}"] = Need.Write,
        ["POST /api/{repo}/commit/{**rest}"] = Need.Write,
        ["POST /api/{repo}/branch/{**rest}"] = Need.Write,
        ["DELETE /api/{repo}/branch/{**rest}"] = Need.Write,
        ["POST /api/{repo}/tag/{**rest}"] = Need.Write,
        ["DELETE /api/{repo}/tag/{**rest}"] = Need.Write,
        ["POST /api/{repo}/super-squash/{**rest}"] = Need.Write,
        ["GET /api/{repo}/lfs-files"] = Need.Write,
        ["POST /api/{repo}/lfs-files/batch"] = Need.Admin,
        ["POST /api/{repo}/lfs-files/duplicate"] = Need.Read,
        ["PUT /api/{repo}/settings"] = Need.Admin,
        ["GET /api/{repo}/xet-read-token"] = Need.Read,
        ["GET /api/{repo}/xet-read-token/{**rest}"] = Need.Read,
        ["GET /api/{repo}/xet-write-token"] = Need.Write,
        ["GET /api/{repo}/xet-write-token/{**rest}"] = Need.Write,

        ["GET /api/{repo}/user-access-request/pending"] = Need.Write,
        ["GET /api/{repo}/user-access-request/accepted"] = Need.Write,
        ["GET /api/{repo}/user-access-request/rejected"] = Need.Write,
        ["POST /api/{repo}/user-access-request/handle"] = Need.Write,
        ["POST /api/{repo}/user-access-request/grant"] = Need.Write,
        ["POST /api/{repo}/user-access-request/cancel"] = Need.Ask,
        ["POST /{repo}/ask-access"] = Need.Ask,

        ["POST /api/{repo}/like"] = Need.Ask,
        ["DELETE /api/{repo}/like"] = Need.Ask,
        ["GET /api/{repo}/likers"] = Need.See,

        ["GET /api/{repo}/discussions"] = Need.Read,
        ["GET /api/{repo}/discussions/{num}"] = Need.Read,
        ["POST /api/{repo}/discussions"] = Need.Contribute,
        ["POST /api/{repo}/discussions/{num}/comment"] = Need.Contribute,
        ["POST /api/{repo}/discussions/{num}/comment/{comment}/edit"] = Need.Contribute,
        ["POST /api/{repo}/discussions/{num}/comment/{comment}/hide"] = Need.Contribute,
        ["POST /api/{repo}/discussions/{num}/title"] = Need.Contribute,
        ["POST /api/{repo}/discussions/{num}/status"] = Need.Contribute,
        ["POST /api/{repo}/discussions/{num}/merge"] = Need.Write,

        ["GET /{repo}"] = Need.See,
        ["GET /{repo}/upload/{**rest}"] = Need.Contribute,
        ["POST /{repo}/upload/{**rest}"] = Need.Contribute,
        ["POST /{repo}/pieces"] = Need.Contribute,
        ["PUT /{repo}/pieces"] = Need.Contribute,
        ["POST /{repo}/pieces/join"] = Need.Contribute,
        ["POST /{repo}/discussions"] = Need.Contribute,
        ["POST /{repo}/discussions/{num}"] = Need.Contribute,
        ["POST /{repo}/discussions/{num}/merge"] = Need.Write,
        ["POST /{repo}/like"] = Need.Ask,
        ["POST /{repo}/access"] = Need.Ask,
        ["POST /{repo}/watch"] = Need.Ask,
        ["GET /{repo}/tree/{**rest}"] = Need.Read,
        ["GET /{repo}/viewer/{**rest}"] = Need.Read,
        ["GET /{repo}/cell/{**rest}"] = Need.Read,
        ["GET /{repo}/commits/{**rest}"] = Need.Read,
        ["GET /{repo}/commit/{**rest}"] = Need.Read,
        ["GET /{repo}/feed"] = Need.Read,
        ["GET /{repo}/discussions/feed"] = Need.Read,
        ["GET /{repo}/discussions"] = Need.Read,
        ["GET /{repo}/discussions/{num}"] = Need.Read,
        ["GET /{repo}/resolve/{**rest}"] = Need.Read,
        ["HEAD /{repo}/resolve/{**rest}"] = Need.Read,
        ["GET /{repo}/blob/{**rest}"] = Need.Read,
        ["HEAD /{repo}/blob/{**rest}"] = Need.Read,
        ["GET /{repo}/raw/{**rest}"] = Need.Read,
        ["HEAD /{repo}/raw/{**rest}"] = Need.Read,
        ["GET /{repo}.git/info/refs"] = Need.Read,
        ["POST /{repo}.git/git-upload-pack"] = Need.Read,
        ["POST /{repo}.git/git-receive-pack"] = Need.Contribute,
        ["GET /{repo}/info/refs"] = Need.Read,
        ["POST /{repo}/git-upload-pack"] = Need.Read,
        ["POST /{repo}/git-receive-pack"] = Need.Contribute,
        ["POST /{repo}.git/info/lfs/objects/batch"] = Need.Read,
        ["POST /{repo}.git/info/lfs/verify"] = Need.Contribute,
        ["POST /{repo}.git/info/lfs/locks/verify"] = Need.Write,
        ["GET /{repo}.git/info/lfs/locks"] = Need.Read,
        ["POST /{repo}.git/info/lfs/locks"] = Need.Write,
        ["POST /{repo}.git/info/lfs/locks/{id}/unlock"] = Need.Write,
    };

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
