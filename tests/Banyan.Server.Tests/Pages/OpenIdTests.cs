using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.SignIn;
using Banyan.Server.SignIn.OpenId;
using Banyan.Server.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Banyan.Server.Tests.Pages;

/// <summary>A hub where people sign in by a provider, set up in several ways.</summary>
public sealed class OpenIdHub : IAsyncLifetime
{
    internal WaywardProvider Provider { get; } = new();

    internal HubServer Hub { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Provider.InitializeAsync();
        OpenIdProvider Of(string name) =>
            new()
            {
                Name = name,
                Title = "Campus",
                Issuer = Provider.Issuer,
                ClientId = "banyan",
                ClientSecret = "a secret of thirty-two characters",
                MakesAccounts = true
            };
        var groups = new[] { "staff = acme:write", "acme-admins=acme:admin", "team = empty:read", "admins = administrator",
            "x = nowhere:read" }.Select(g => GroupRole.Parse(g)!).ToArray();
        Hub = await HubServer.StartAsync(change: o => o with
        {
            Providers = [Of("campus"), Of("closed") with { MakesAccounts = false, ClientSecret = null },
                Of("grouped") with { Groups = groups }, Of("another-issuer"), Of("an-endpoint-in-the-clear")],
        });
    }

    public async ValueTask DisposeAsync()
    {
        await Hub.DisposeAsync();
        await Provider.DisposeAsync();
    }
}

/// <summary>A provider of OpenID Connect that says what a test wants, true or not.</summary>
sealed class WaywardProvider : IAsyncDisposable
{
    readonly RSA _rsa = RSA.Create(2048), _other = RSA.Create(2048);
    WebApplication _app = null!;

    public string Issuer { get; private set; } = "";

    /// <summary>Claims of the next ID token.</summary>
    internal Dictionary<string, object> Claims { get; set; } = [];

    /// <summary>What userinfo tells; null for no more than who it is.</summary>
    internal Dictionary<string, object>? Info { get; set; }

    /// <summary>In which way it is wayward.</summary>
    internal string Fault { get; set; } = "";

    /// <summary>What was sent for the last code.</summary>
    internal IFormCollection? Form { get; private set; }

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _app = builder.Build();
        _app.Urls.Add("http://127.0.0.1:0");
        _app.MapGet("/.well-known/openid-configuration", () => new
        {
            issuer = Fault == "another-issuer" ? "https://evil.example" : Issuer,
            authorization_endpoint = $"{Issuer}/authorize",
            token_endpoint = Fault == "an-endpoint-in-the-clear" ? "http://evil.example/token" : $"{Issuer}/token",
            userinfo_endpoint = $"{Issuer}/userinfo",
            jwks_uri = $"{Issuer}/jwks",
        });
        _app.MapGet("/jwks", () => new { keys = new[] { Public(_rsa) } });
        _app.MapGet("/userinfo", (HttpContext context) => context.Request.Headers.Authorization == "Bearer access"
            ? Results.Json(Info ?? new() { ["sub"] = Claims["sub"] }) : Results.Unauthorized());
        _app.MapPost("/token", async (HttpContext context) =>
        {
            Form = await context.Request.ReadFormAsync();
            return Fault switch
            {
                "an error" => Results.Json(new { error = "invalid_grant" }, statusCode: 400),
                "a redirect" => Results.Redirect("http://127.0.0.1:9/"),
                "no JSON" => Results.Text("<html>"),
                "no ID token" => Results.Json(new { access_token = "access" }),
                _ => Results.Json(new { access_token = "access", id_token = Token() }),
            };
        });
        await _app.StartAsync();
        Issuer = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
    }

    static object Public(RSA rsa) => JsonWebKeyConverter.ConvertFromRSASecurityKey(new(rsa.ExportParameters(false)) { KeyId = "one" })
        is var key ? new { kty = "RSA", use = "sig", kid = "one", n = key.N, e = key.E } : new { };

    string Token()
    {
        SecurityKey key = Fault switch
        {
            "another key" => new RsaSecurityKey(_other) { KeyId = "one" },
            "the client's secret as key" => new SymmetricSecurityKey(Encoding.UTF8.GetBytes("a secret of thirty-two characters")),
            _ => new RsaSecurityKey(_rsa) { KeyId = "one" },
        };
        var token = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Fault == "an issuer that is another's" ? "https://evil.example" : Issuer,
            Audience = Fault == "another app's token" ? "somebody" : "banyan",
            Expires = Fault == "no end" ? null : DateTime.UtcNow.AddMinutes(Fault == "too old" ? -10 : 60),
            Claims = Claims,
            SigningCredentials = Fault == "no signature" ? null : new(key, key is SymmetricSecurityKey ? "HS256" : "RS256"),
        });
        return token;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _rsa.Dispose();
        _other.Dispose();
    }
}

/// <summary>Signing in by a provider: who it says one is, if it may say so, and nobody else.</summary>
public class OpenIdTests(OpenIdHub shared) : IClassFixture<OpenIdHub>
{
    static readonly string[] s_admins = ["staff", "admins"];

    readonly WaywardProvider _provider = shared.Provider;

    HubServer Start()
    {
        (_provider.Fault, _provider.Info) = ("", null);
        return shared.Hub;
    }

    /// <summary>What the hub asks the provider for.</summary>
    static async Task<Dictionary<string, string>> AskAsync(PageVisit visit, string next = "/settings/tokens", string by = "campus")
    {
        var sent = await visit.SendAsync(new(HttpMethod.Get, $"/login/with/{by}?next={Uri.EscapeDataString(next)}"));
        Assert.Equal(HttpStatusCode.SeeOther, sent.StatusCode);
        return Asked(sent.Headers.Location!.ToString());
    }

    static Dictionary<string, string> Asked(string address) =>
        QueryHelpers.ParseQuery(new Uri(address).Query).ToDictionary(q => q.Key, q => q.Value.Single()!);

    async Task<HttpResponseMessage> ComeBackAsync(PageVisit visit, Dictionary<string, string> asked, string subject, string more = "",
        params (string Name, object Value)[] claims)
    {
        _provider.Claims = new()
        {
            ["sub"] = subject,
            ["nonce"] = asked["nonce"],
            ["preferred_username"] = subject,
            ["groups"] = Array.Empty<string>()
        };
        foreach (var (name, value) in claims)
            _provider.Claims[name] = value;
        return await visit.SendAsync(new(HttpMethod.Get,
            $"{new Uri(asked["redirect_uri"]).AbsolutePath}?code=c&state={asked["state"]}{more}"));
    }

    async Task<HttpResponseMessage> SignInAsync(PageVisit visit, string subject, params (string, object)[] claims) =>
        await ComeBackAsync(visit, await AskAsync(visit), subject, "", claims);

    async Task<HttpResponseMessage> SignInAsync(string by, PageVisit visit, string subject, params (string, object)[] claims) =>
        await ComeBackAsync(visit, await AskAsync(visit, by: by), subject, "", claims);

    static async Task<bool> IsInAsync(PageVisit visit) => (await visit.GetAsync("/settings/tokens")).Status == 200;

    [Fact]
    public async Task Another_hub_signs_people_in_the_whole_way()
    {
        await using var other = await HubServer.StartAsync();
        using var there = await PageVisit.OfAsync(other, "ana");
        var registered =
            await (await there.SendAsync("/settings/applications", "/settings/applications", ("name", "The other hub"), ("kind", "server"),
            ("redirects",
                "http://localhost/login/with/other/callback\nhttp://127.0.0.1/login/with/other/callback"))).Content.ReadAsStringAsync();
        var (client, secret) = (registered.Split("client_id=")[1][..36], registered.Split("client_secret=")[1].Split('<')[0]);
        await using var hub =
            await HubServer.StartAsync(change: o =>
                o with
                {
                    Providers =
                    [new() { Name = "other", Title = "The other", Issuer = other.Address.TrimEnd('/'), ClientId = client,
                        ClientSecret = secret, MakesAccounts = true }]
                });
        using var here = new PageVisit(hub);
        Assert.Contains("Sign in with The other", (await here.GetAsync("/login?next=/ana")).Html);
        var asked = (await here.SendAsync(new(HttpMethod.Get, "/login/with/other?next=/settings/tokens"))).Headers.Location!.PathAndQuery;
        var answered = await there.SendAsync(asked, "/oauth/authorize", ("request", asked[asked.IndexOf('?')..]), ("do", "allow"));
        var back = await here.SendAsync(new(HttpMethod.Get, answered.Headers.Location!.PathAndQuery));
        // ana is somebody else here.
        Assert.Contains("There is an account ana here already", await back.Content.ReadAsStringAsync());
        Assert.False(await IsInAsync(here));
        using var mine = await PageVisit.OfAsync(hub, "ana");
        var begun =
            await (await mine.SendAsync("/settings/password", "/settings/identities", ("do", "link"),
                ("provider", "other"))).Content.ReadAsStringAsync();
        asked = new Uri(WebUtility.HtmlDecode(begun.Split("class=\"button\" href=\"")[1].Split('"')[0])).PathAndQuery;
        answered = await there.SendAsync(asked, "/oauth/authorize", ("request", asked[asked.IndexOf('?')..]), ("do", "allow"));
        Assert.Equal(HttpStatusCode.SeeOther,
            (await mine.SendAsync(new(HttpMethod.Get, answered.Headers.Location!.PathAndQuery))).StatusCode);
        Assert.Contains("Unlink", (await mine.GetAsync("/settings/password")).Html);
        asked = (await here.SendAsync(new(HttpMethod.Get, "/login/with/other?next=/settings/tokens"))).Headers.Location!.PathAndQuery;
        answered = await there.SendAsync(asked, "/oauth/authorize", ("request", asked[asked.IndexOf('?')..]), ("do", "allow"));
        Assert.Equal("/settings/tokens",
            (await here.SendAsync(new(HttpMethod.Get, answered.Headers.Location!.PathAndQuery))).Headers.Location!.ToString());
        Assert.True(await IsInAsync(here));
    }

    [Fact]
    public async Task An_account_is_found_by_issuer_and_subject_alone()
    {
        var hub = Start();
        using var visit = new PageVisit(hub);
        var asked = await AskAsync(visit);
        Assert.Equal(("S256", "code", "openid profile email"), (asked["code_challenge_method"], asked["response_type"], asked["scope"]));
        var back = await ComeBackAsync(visit, asked, "s-1", "", ("preferred_username", "cora.b@campus.example"), ("name", "Cora"),
            ("email", "cora@campus.example"), ("email_verified", true));
        Assert.Equal((HttpStatusCode.SeeOther, "/settings/tokens"), (back.StatusCode, back.Headers.Location!.ToString()));
        Assert.Equal(asked["code_challenge"],
            WebEncoders.Base64UrlEncode(SHA256.HashData(Encoding.ASCII.GetBytes(_provider.Form!["code_verifier"]!))));
        var cora = (await hub.Accounts.FindAsync("cora.b", default))!;
        Assert.Equal(("Cora", "cora@campus.example", false), (cora.FullName, cora.Email, cora.IsAdmin));

        // The same person under another name; another person under a name, and with a mail address, of somebody here.
        using var again = new PageVisit(hub);
        await SignInAsync(again, "s-1", ("preferred_username", "cora.c"));
        Assert.Contains("/cora.b", (await again.GetAsync("/settings/tokens")).Html);
        using var thief = new PageVisit(hub);
        foreach (var name in new[] { "cora.b", "ANA", "acme", "admin", "", "..", "-x" })
            Assert.Equal((name, HttpStatusCode.BadRequest),
                (name, (await SignInAsync(thief, "s-2", ("preferred_username", name), ("email", "ana@example.org"),
                    ("email_verified", true))).StatusCode));
        Assert.False(await IsInAsync(thief));

        // Who is suspended stays out; who has a second factor is asked for it.
        await hub.Accounts.SuspendAsync("cora.b", true, default);
        Assert.Equal(HttpStatusCode.BadRequest, (await SignInAsync(thief, "s-1")).StatusCode);
        await hub.Accounts.SuspendAsync("cora.b", false, default);
        var secret = Totp.NewSecret();
        await hub.Server.Services.GetRequiredService<SecondFactors>()
            .SetAsync(cora, secret, Totp.Code(secret, Totp.StepOf(DateTimeOffset.UtcNow)), default);
        var half = await SignInAsync(thief, "s-1");
        Assert.Contains("/login/code", await half.Content.ReadAsStringAsync());
        Assert.False(await IsInAsync(thief));
        // Who was removed comes back under no other name.
        await hub.Accounts.RemoveAsync("user", "cora.b", default);
        Assert.Equal(HttpStatusCode.BadRequest, (await SignInAsync(thief, "s-1", ("preferred_username", "cora.d"))).StatusCode);
        Assert.Null(await hub.Accounts.FindAsync("cora.d", default));
    }

    [Fact]
    public async Task Nobody_gets_an_account_where_none_are_made_and_one_is_linked_by_who_is_signed_in()
    {
        var hub = Start();
        using var ana = await PageVisit.OfAsync(hub, "ana");
        using var ben = await PageVisit.OfAsync(hub, "ben");
        using var stranger = new PageVisit(hub);
        Assert.Equal(HttpStatusCode.BadRequest, (await SignInAsync("closed", stranger, "s-3", ("preferred_username", "new"))).StatusCode);
        Assert.Equal(("banyan", ""), (_provider.Form!["client_id"].ToString(), _provider.Form["client_secret"].ToString()));
        Assert.Null(await hub.Accounts.FindAsync("new", default));

        async Task<Dictionary<string, string>> Link(PageVisit visit)
        {
            var page =
                await (await visit.SendAsync("/settings/password", "/settings/identities", ("do", "link"),
                    ("provider", "closed"))).Content.ReadAsStringAsync();
            return Asked(WebUtility.HtmlDecode(page.Split("class=\"button\" href=\"")[1].Split('"')[0]));
        }
        // not by another site
        Assert.Equal(HttpStatusCode.Forbidden,
            (await ana.PostAsync("/settings/identities", ("do", "link"), ("provider", "closed"))).StatusCode);
        var asked = await Link(ana);
        Assert.Equal(HttpStatusCode.Forbidden, (await ComeBackAsync(ben, asked, "s-3")).StatusCode);   // nor in another's browser
        await SignInAsync("closed", stranger, "s-3");
        Assert.False(await IsInAsync(stranger));
        Assert.Equal("/settings/password", (await ComeBackAsync(ana, asked, "s-3")).Headers.Location!.ToString());
        await SignInAsync("closed", stranger, "s-3");
        Assert.True(await IsInAsync(stranger));
        Assert.Equal(HttpStatusCode.Conflict, (await ComeBackAsync(ben, await Link(ben), "s-3")).StatusCode);
        // Who signed out meanwhile links nothing.
        asked = await Link(ben);
        await ben.SendAsync("/settings/password", "/logout");
        Assert.Equal(HttpStatusCode.Forbidden, (await ComeBackAsync(ben, asked, "s-4")).StatusCode);
        Assert.Equal(HttpStatusCode.OK,
            (await ana.SendAsync("/settings/password", "/settings/identities", ("do", "unlink"), ("provider", "closed"))).StatusCode);
        using var last = new PageVisit(hub);
        Assert.Equal(HttpStatusCode.BadRequest, (await SignInAsync("closed", last, "s-3")).StatusCode);
    }

    [Fact]
    public async Task Groups_say_who_is_a_member_each_time_somebody_signs_in()
    {
        var hub = Start();
        await hub.Accounts.AddAsync("org", "empty", null, null, default);
        async Task<string> As(object groups)
        {
            using var visit = new PageVisit(hub);
            await SignInAsync("grouped", visit, "gita", ("groups", groups));
            var gita = (await hub.Accounts.FindAsync("gita", default))!;
            return $"{string.Join(' ', (await hub.Accounts.MembersAsync(gita.Id, default)).Select(m => $"{m.Org}:{m.Role}"))}{(gita.IsAdmin ? " administrator" : "")}";
        }
        Assert.Equal("acme:Write administrator", await As(s_admins));
        Assert.Equal("acme:Admin", await As(new[] { "staff", "acme-admins", "STAFF" }));
        Assert.Equal("empty:Read", await As("team"));
        Assert.Equal("", await As(Array.Empty<string>()));
        _provider.Info = new() { ["sub"] = "gita", ["groups"] = s_admins };
        Assert.Equal("acme:Write administrator", await AsAsync(As));
        _provider.Info = new() { ["sub"] = "somebody", ["groups"] = s_admins };
        await As(Array.Empty<string>());
        Assert.Equal("", await AsAsync(As));   // about somebody else: not heard

        // Without the claim in the ID token userinfo is asked.
        async Task<string> AsAsync(Func<object, Task<string>> sign)
        {
            using var visit = new PageVisit(hub);
            var asked = await AskAsync(visit, by: "grouped");
            _provider.Claims = new() { ["sub"] = "gita", ["nonce"] = asked["nonce"], ["preferred_username"] = "gita" };
            await visit.SendAsync(new(HttpMethod.Get, $"{new Uri(asked["redirect_uri"]).AbsolutePath}?code=c&state={asked["state"]}"));
            var gita = (await hub.Accounts.FindAsync("gita", default))!;
            return $"{string.Join(' ', (await hub.Accounts.MembersAsync(gita.Id, default)).Select(m => $"{m.Org}:{m.Role}"))}{(gita.IsAdmin ? " administrator" : "")}";
        }
    }

    [Fact]
    public async Task Who_is_not_vouched_for_as_it_should_be_stays_out()
    {
        var hub = Start();
        using var visit = new PageVisit(hub);
        foreach (var fault in new[] { "another key", "the client's secret as key", "no signature", "an issuer that is another's",
            "another app's token", "too old", "no end", "an error", "a redirect", "no JSON", "no ID token" })
        {
            _provider.Fault = fault;
            Assert.Equal((fault, HttpStatusCode.BadGateway), (fault, (await SignInAsync(visit, "eve")).StatusCode));
        }
        _provider.Fault = "";
        foreach (var (name, value) in new (string, object)[] { ("nonce", "another"), ("azp", "somebody"), ("sub", ""),
            ("sub", new string('x', 256)) })
            Assert.Equal((name, HttpStatusCode.BadGateway), (name, (await SignInAsync(visit, "eve", (name, value))).StatusCode));
        var asked = await AskAsync(visit);
        Assert.Equal(HttpStatusCode.BadGateway, (await ComeBackAsync(visit, asked, "eve", "&iss=https://evil.example")).StatusCode);
        // a ticket is good once in a browser
        Assert.Equal(HttpStatusCode.Forbidden, (await ComeBackAsync(visit, asked, "eve")).StatusCode);
        asked = await AskAsync(visit);
        asked["state"] = "guess";
        Assert.Equal(HttpStatusCode.Forbidden, (await ComeBackAsync(visit, asked, "eve")).StatusCode);
        using var fresh = new PageVisit(hub);
        // somebody else's way in
        Assert.Equal(HttpStatusCode.Forbidden, (await ComeBackAsync(fresh, await AskAsync(visit), "eve")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await ComeBackAsync(visit, await AskAsync(visit), "eve", "&error=access_denied&error_description=<script>")).StatusCode);
        Assert.Equal(404, (await visit.GetAsync("/login/with/nobody")).Status);
        Assert.False(await IsInAsync(visit));
        Assert.Null(await hub.Accounts.FindAsync("eve", default));
        // It leads to no other site, and no session of before goes on.
        Assert.Equal("/", (await ComeBackAsync(visit, await AskAsync(visit, "//evil.example/"), "good")).Headers.Location!.ToString());
        var before = visit.Cookies.GetCookies(new Uri(hub.Address))[Sessions.CookieName]!.Value;
        await SignInAsync(visit, "good");
        Assert.NotEqual(before, visit.Cookies.GetCookies(new Uri(hub.Address))[Sessions.CookieName]!.Value);
    }

    [Theory]
    [InlineData("another-issuer")]
    [InlineData("an-endpoint-in-the-clear")]
    public async Task A_configuration_that_is_not_the_issuers_is_not_followed(string fault)
    {
        var hub = Start();
        _provider.Fault = fault;
        using var visit = new PageVisit(hub);
        var response = await visit.SendAsync(new(HttpMethod.Get, $"/login/with/{fault}"));
        Assert.Equal((HttpStatusCode.BadGateway, null), (response.StatusCode, response.Headers.Location));
    }

    [Theory]
    [InlineData("staff = acme:write", "staff", "acme", Right.Write)]
    [InlineData("cn=staff,ou=x = acme:read", "cn=staff,ou=x", "acme", Right.Read)]
    [InlineData("ops=administrator", "ops", null, Right.Admin)]
    public void Groups_are_read(string text, string group, string? organization, Right role) =>
        Assert.Equal(new GroupRole(group, organization, role), GroupRole.Parse(text));

    [Theory]
    [InlineData("staff")]
    [InlineData("= acme:read")]
    [InlineData("staff = acme")]
    [InlineData("staff = acme:own")]
    [InlineData("staff = :read")]
    [InlineData("staff = a:b:read")]
    public void What_is_no_group_is_refused(string text) => Assert.Null(GroupRole.Parse(text));

    [Theory]
    [InlineData("http://idp.example.org", false)]
    [InlineData("https://idp.example.org/realms/x", true)]
    [InlineData("http://localhost:8081", true)]
    [InlineData("https://u:p@idp.example.org", false)]
    [InlineData("idp.example.org", false)]
    public void Issuers_are_encrypted_or_on_this_machine(string issuer, bool isGood) =>
        Assert.Equal(isGood,
            !new OpenIdProvider { Name = "campus", Title = "Campus", Issuer = issuer, ClientId = "banyan" }.Problems().Any());
}
