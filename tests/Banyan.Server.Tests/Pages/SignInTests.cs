using System.Net;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.SignIn;
using Banyan.Server.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Pages;

/// <summary>Signing in by a browser, and what a session may and may not.</summary>
public class SignInTests(SharedHub shared)
{
    static async Task<string> TextOf(HttpResponseMessage response) => await response.Content.ReadAsStringAsync();

    [Fact]
    public async Task A_session_sees_what_its_user_may_until_it_is_signed_out_of()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("eve");
        using var visit = await PageVisit.OfAsync(hub, "ana");
        Assert.Contains("A secret plan", (await visit.GetAsync("/ana/secret")).Html);
        Assert.Contains("ana/</span><wbr>secret", (await visit.GetAsync("/ana")).Html);
        Assert.Equal("# A secret plan", (await visit.GetAsync("/ana/secret/resolve/main/README.md")).Html);
        Assert.Contains("Sign out", (await visit.GetAsync("/playground")).Html);

        // Not so the API, which no form of another site may reach by a cookie.
        Assert.Equal(404, (await visit.GetAsync("/api/models/ana/secret")).Status);
        Assert.Equal(401, (await visit.GetAsync("/api/whoami-v2")).Status);

        var cookie = visit.Cookies.GetCookies(new Uri(hub.Address))[Sessions.CookieName]!;
        Assert.True(cookie.HttpOnly);
        using var other = await PageVisit.OfAsync(hub, "eve");
        Assert.Equal(404, (await other.GetAsync("/ana/secret")).Status);

        Assert.Equal(HttpStatusCode.SeeOther, (await visit.SendAsync("/settings/tokens", "/logout")).StatusCode);
        visit.Cookies.Add(new Cookie(Sessions.CookieName, cookie.Value, "/", cookie.Domain));   // kept by somebody
        Assert.Equal(404, (await visit.GetAsync("/ana/secret")).Status);
    }

    [Fact]
    public async Task Cookies_are_hidden_from_scripts_and_other_sites()
    {
        var hub = await shared.GetAsync();
        using var visit = new PageVisit(hub);
        var request = new HttpRequestMessage(HttpMethod.Get, "/login");
        request.Headers.Add("X-Forwarded-Proto", "https");
        var login = await visit.SendAsync(request);
        var cookie = login.Headers.GetValues("Set-Cookie").Single();
        Assert.Matches("(?i)samesite=lax", cookie);
        Assert.Matches("(?i)httponly", cookie);
        Assert.Matches("(?i)secure", cookie);
        Assert.DoesNotContain("Set-Cookie", (await hub.GetAsync("/")).Headers.ToString());
    }

    [Theory]
    [InlineData("ana", "wrong wrong wrong")]
    [InlineData("nobody-of-that-name", "wrong wrong wrong")]
    [InlineData("acme", "wrong wrong wrong")]
    [InlineData("", "")]
    public async Task What_is_wrong_is_told_alike_whether_there_is_such_a_user(string name, string password)
    {
        using var visit = new PageVisit(await shared.GetAsync());
        var response = await visit.SendAsync("/login", "/login", ("name", name), ("password", password));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("The name or the password is not right.", await TextOf(response));
        Assert.Null(visit.Cookies.GetCookies(new Uri(visit.Address))[Sessions.CookieName]);
    }

    [Fact]
    public async Task A_token_signs_in_if_it_may_write_and_its_end_ends_the_session()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("toby");
        var token = await hub.Accounts.AddTokenAsync("toby", "browser", TokenRole.Write, null, null, default);
        var reader = await hub.Accounts.AddTokenAsync("toby", "reader", TokenRole.Read, null, null, default);
        using var visit = new PageVisit(hub);
        Assert.Equal(HttpStatusCode.BadRequest, (await visit.SendAsync("/login", "/login", ("token", reader))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await visit.SendAsync("/login", "/login", ("token", "hf_forged"))).StatusCode);
        Assert.Equal(HttpStatusCode.SeeOther, (await visit.SendAsync("/login", "/login", ("token", token))).StatusCode);
        Assert.Equal(200, (await visit.GetAsync("/settings/tokens")).Status);
        await hub.Accounts.RevokeTokenAsync((await hub.Accounts.TokensAsync("toby", default)).Single(t => t.Name == "browser").Id, default);
        Assert.Equal(401, (await visit.GetAsync("/settings/tokens")).Status);
    }

    [Theory]
    [InlineData("/ana/coder?x=1", "/ana/coder?x=1")]
    [InlineData("https://evil.example/", "/")]
    [InlineData("//evil.example/", "/")]
    [InlineData("/\\evil.example/", "/")]
    [InlineData("/\t/evil.example/", "/")]
    [InlineData("\\/evil.example", "/")]
    [InlineData("javascript:alert(1)", "/")]
    [InlineData(" //evil.example", "/")]
    [InlineData("", "/")]
    public void Signing_in_leads_to_no_other_site(string next, string expected) => Assert.Equal(expected, SignInPages.Next(next));

    [Fact]
    public async Task Forms_that_were_made_elsewhere_do_nothing()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("cleo");
        await hub.AddUserAsync("mallory");
        using var visit = await PageVisit.OfAsync(hub, "cleo");
        using var other = await PageVisit.OfAsync(hub, "mallory");
        var (foreign, own) = (await other.TokenAsync("/settings/tokens"), await visit.TokenAsync("/settings/tokens"));
        foreach (var (action, fields) in new (string, (string, string)[])[]
        {
            ("/settings/tokens", [("name", "stolen"), ("role", "write")]), ("/settings/tokens/revoke", [("id", "1")]),
            ("/settings/password", [("password", "hijacked password")]),
            ("/settings/sessions/end", [("id", "1")]), ("/settings/users", [("do", "invite")]), ("/logout", []),
            ("/login", [("name", "mallory"), ("password", "correct horse battery")]), ("/join", [("name", "x")]),
        })
            foreach (var token in new[] { null, "", "x", foreign })
                Assert.Equal((action, HttpStatusCode.Forbidden),
                    (action, (await visit.PostAsync(action, token is null ? fields : [("_token", token), .. fields])).StatusCode));
        Assert.DoesNotContain(await hub.Accounts.TokensAsync("cleo", default), t => t.Name == "stolen");
        // Another site's page is refused though it had the token.
        var request = new HttpRequestMessage(HttpMethod.Post,
            "/settings/tokens")
        { Content = new FormUrlEncodedContent([new("_token", own), new("name", "stolen"), new("role", "write")]) };
        request.Headers.Add("Origin", "https://evil.example");
        Assert.Equal(HttpStatusCode.Forbidden, (await visit.SendAsync(request)).StatusCode);
        // Not of this kind: a page that takes forms takes nothing else.
        var json = new HttpRequestMessage(HttpMethod.Post,
            "/settings/tokens")
        { Content = new StringContent("{}", System.Text.Encoding.UTF8, "text/plain") };
        Assert.Equal(HttpStatusCode.BadRequest, (await visit.SendAsync(json)).StatusCode);
        Assert.Equal(200, (await visit.GetAsync("/settings/tokens")).Status);
    }

    [Fact]
    public async Task Tokens_are_made_shown_once_and_revoked()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("tina");
        using var visit = await PageVisit.OfAsync(hub, "tina");
        var made =
            await TextOf(await visit.SendAsync("/settings/tokens", "/settings/tokens", ("name", "<b>laptop</b>"), ("role", "fine-grained"),
                ("on", "acme/coder"), ("may", "write"), ("days", "30")));
        var token = System.Text.RegularExpressions.Regex.Match(made, "hf_[A-Za-z0-9]+</code>").Value[..^7];
        Assert.Equal("tina", (await hub.GetJsonAsync("/api/whoami-v2", token)).GetProperty("name").GetString());
        var page = (await visit.GetAsync("/settings/tokens")).Html;
        Assert.DoesNotContain(token, page);
        Assert.Contains("&lt;b&gt;laptop&lt;/b&gt;", page);
        var id = (await hub.Accounts.TokensAsync("tina", default)).Single(t => t.Name == "<b>laptop</b>").Id;
        using var other = await PageVisit.OfAsync(hub, "ben");
        Assert.Equal(HttpStatusCode.BadRequest,
            (await other.SendAsync("/settings/tokens", "/settings/tokens/revoke", ("id", $"{id}"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await visit.SendAsync("/settings/tokens", "/settings/tokens/revoke", ("id", $"{id}"))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await hub.GetAsync("/api/whoami-v2", token)).StatusCode);
        var many =
            await TextOf(await visit.SendAsync("/settings/tokens", "/settings/tokens", ("name", "many"), ("role", "fine-grained"),
                ("on", "acme"), ("may", "read"), ("more", "datasets/acme/code write\r\n\r\ntina  admin\n")));
        Assert.All(["acme: read", "datasets/acme/code: write", "tina: admin"], scope => Assert.Contains($">{scope}<", many));
        Assert.Equal("""{"acme":"read","datasets/acme/code":"write","tina":"admin"}""",
            (await hub.Accounts.TokensAsync("tina", default)).Single(t => t.Name == "many").Scopes);
        foreach (var more in new[] { "acme", "acme own", "a b c", "acme read", "acme/ read", "models/acme/coder read", "acme/coder/x read",
            "../acme read", "a,b read" })
            Assert.Equal((more, HttpStatusCode.BadRequest),
                (more, (await visit.SendAsync("/settings/tokens", "/settings/tokens", ("name", "x"), ("role", "fine-grained"),
                    ("on", "acme"), ("may", "read"), ("more", more))).StatusCode));
        await HubServer.AssertErrorAsync(await hub.PostAsync("/api/settings/tokens",
            new { name = "x", role = "fine-grained", scopes = new Dictionary<string, string> { ["models/acme/coder"] = "read" } },
            await hub.Accounts.AddTokenAsync("tina", "w", TokenRole.Write, null, null, default)), HttpStatusCode.BadRequest);
        foreach (var wrong in new (string, string)[][] { [("name", ""), ("role", "read")], [("name", "x"), ("role", "all")],
            [("name", "x"), ("role", "read"), ("days", "0")], [("name", "x"), ("role", "fine-grained")] })
            Assert.Equal(HttpStatusCode.BadRequest, (await visit.SendAsync("/settings/tokens", "/settings/tokens", wrong)).StatusCode);
    }

    [Fact]
    public async Task A_new_password_ends_all_other_sessions()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("paul");
        using var here = await PageVisit.OfAsync(hub, "paul");
        using var there = await PageVisit.OfAsync(hub, "paul");
        Assert.Equal(HttpStatusCode.BadRequest,
            (await here.SendAsync("/settings/password", "/settings/password", ("current", "wrong"),
                ("password", "a new long password"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await here.SendAsync("/settings/password", "/settings/password", ("current", "correct horse battery"),
                ("password", "short"))).StatusCode);
        Assert.Equal(200, (await there.GetAsync("/settings/tokens")).Status);
        Assert.Equal(HttpStatusCode.OK,
            (await here.SendAsync("/settings/password", "/settings/password", ("current", "correct horse battery"),
                ("password", "a new long password"))).StatusCode);
        Assert.Equal((200, 401), ((await here.GetAsync("/settings/tokens")).Status, (await there.GetAsync("/settings/tokens")).Status));
        await hub.Accounts.SuspendAsync("paul", true, default);
        Assert.Equal(401, (await here.GetAsync("/settings/tokens")).Status);
        await hub.Accounts.SuspendAsync("paul", false, default);
    }

    [Fact]
    public async Task Guessing_is_slow()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("target");
        using var visit = new PageVisit(hub);
        var token = await visit.TokenAsync("/login");
        HttpResponseMessage last = null!;
        for (var i = 0; i < 10; i++)
        {
            var request = new HttpRequestMessage(HttpMethod.Post,
                "/login")
            {
                Content = new FormUrlEncodedContent([new("_token", token), new("name", "target"), new("password", $"guess number {i}")])
            };
            request.Headers.Add("X-Forwarded-For", "203.0.113.7");
            last = await visit.SendAsync(request);
        }
        Assert.Equal(HttpStatusCode.TooManyRequests, last.StatusCode);
        Assert.True(last.Headers.RetryAfter is { Delta.TotalSeconds: > 0 });
    }

    /// <summary>An office behind one address; and one in it who guesses.</summary>
    [Fact]
    public void Who_signs_in_takes_no_attempt_from_others_at_the_address()
    {
        var (throttle, context) = (new Throttle(TimeProvider.System), new DefaultHttpContext());
        for (var i = 0; i < 500; i++)
        {
            throttle.Count(context, $"user-{i}");
            throttle.Forget(context, $"user-{i}");
            if (i < 50)
                throttle.Count(context, $"guessed-{i}");
        }
        for (var i = 50; i < 60; i++)
            throttle.Count(context, $"guessed-{i}");
        Assert.Equal(429, Assert.Throws<HubException>(() => throttle.Count(context, "another")).Status);
    }

    [Fact]
    public async Task The_first_link_makes_the_administrator_who_lets_others_in()
    {
        await using var hub = await HubServer.StartAsync(change: o => o);
        var links = hub.Server.Services.GetRequiredService<SignInLinks>();
        Assert.Null(await links.BeginAsync(default));   // there are users
        await hub.Accounts.SetAdminAsync("ana", true, default);
        using var admin = await PageVisit.OfAsync(hub, "ana");
        using var stranger = new PageVisit(hub);
        Assert.Equal(403, (await stranger.GetAsync("/join")).Status);
        Assert.Equal(404, (await stranger.GetAsync("/join?code=none")).Status);
        using var ben = await PageVisit.OfAsync(hub, "ben");
        Assert.Equal(403, (await ben.GetAsync("/settings/users")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await ben.SendAsync("/settings/tokens", "/settings/users", ("do", "invite"))).StatusCode);

        var invited = await TextOf(await admin.SendAsync("/settings/users", "/settings/users", ("do", "invite")));
        var code = System.Text.RegularExpressions.Regex.Match(invited, "/join\\?code=([A-Za-z0-9_-]+)").Value;
        Assert.Equal(HttpStatusCode.BadRequest,
            (await stranger.SendAsync(code, "/join", ("code", code[11..]), ("name", "acme"),
                ("password", "a long enough password"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await stranger.SendAsync(code, "/join", ("code", code[11..]), ("name", "carol"), ("password", "carol"))).StatusCode);
        Assert.Equal(HttpStatusCode.SeeOther,
            (await stranger.SendAsync(code, "/join", ("code", code[11..]), ("name", "carol"),
                ("password", "a long enough password"))).StatusCode);
        Assert.Equal(200, (await stranger.GetAsync("/settings/tokens")).Status);
        Assert.Equal(404, (await admin.GetAsync(code)).Status);
        Assert.False((await hub.Accounts.FindAsync("carol", default))!.IsAdmin);

        Assert.Equal(HttpStatusCode.OK,
            (await admin.SendAsync("/settings/users", "/settings/users", ("do", "policy"), ("policy", "open"))).StatusCode);
        using var dave = new PageVisit(hub);
        Assert.Equal(HttpStatusCode.SeeOther,
            (await dave.SendAsync("/join", "/join", ("name", "dave"), ("password", "a long enough password"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK,
            (await admin.SendAsync("/settings/users", "/settings/users", ("do", "suspend"), ("name", "dave"))).StatusCode);
        Assert.Equal(401, (await dave.GetAsync("/settings/tokens")).Status);
    }

    [Fact]
    public async Task Passwords_are_kept_as_argon2id_and_nothing_that_lets_in_is_kept_as_it_is()
    {
        var hash = await Argon2Hash.MakeAsync("correct horse battery");
        Assert.StartsWith("$argon2id$v=19$m=19456,t=2,p=1$", hash);
        Assert.True(await Argon2Hash.IsOfAsync("correct horse battery", hash));
        Assert.False(await Argon2Hash.IsOfAsync("correct horse batterz", hash));
        Assert.False(await Argon2Hash.IsOfAsync("x", "$nonsense$"));
        // As the reference implementation computes it.
        Assert.True(await Argon2Hash.IsOfAsync("password",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"));
    }
}
