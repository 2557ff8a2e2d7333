using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Banyan.Server.Accounts;
using Banyan.Server.SignIn;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Maintenance;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Pages;

public sealed class ClusterTwoFactorTests(ClusterHub hub) : TwoFactorContract(hub), IClassFixture<ClusterHub>;

/// <summary>Codes as published, so that every authenticator agrees.</summary>
public class TotpTests
{
    [Theory]
    [InlineData(59, "94287082")]
    [InlineData(1111111109, "07081804")]
    [InlineData(1111111111, "14050471")]
    [InlineData(1234567890, "89005924")]
    [InlineData(2000000000, "69279037")]
    [InlineData(20000000000, "65353130")]
    public void Codes_are_those_of_RFC_6238(long seconds, string code) =>
        Assert.Equal(code,
            Totp.Code("12345678901234567890"u8.ToArray(), Totp.StepOf(DateTimeOffset.FromUnixTimeSeconds(seconds)), digits: 8));

    [Theory]
    [InlineData("", "")]
    [InlineData("f", "MY")]
    [InlineData("fooba", "MZXW6YTB")]
    [InlineData("foobar", "MZXW6YTBOI")]
    public void Secrets_are_written_as_RFC_4648_does(string text, string written) =>
        Assert.Equal(written, Totp.ToBase32(Encoding.ASCII.GetBytes(text)));
}

/// <summary>The second factor: asked for whatever the first was, good once, guessed by nobody.</summary>
public abstract class TwoFactorContract(HubKind kind) : HubContract(kind, "kept")
{
    private protected const string Password = "correct horse battery";

    private protected readonly TestClock _clock = new(still: true);

    private protected override TimeProvider Clock => _clock;

    private protected static byte[] FromBase32(string text)
    {
        var bits = string.Concat(text.Select(c => Convert.ToString("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".IndexOf(c), 2).PadLeft(5, '0')));
        return [.. Enumerable.Range(0, bits.Length / 8).Select(i => Convert.ToByte(bits.Substring(i * 8, 8), 2))];
    }

    /// <summary>The code of now, and of another 30 seconds each time: none is good twice.</summary>
    private protected string NextCode(byte[] secret)
    {
        _clock.Ahead += TimeSpan.FromSeconds(30);
        return Totp.Code(secret, Totp.StepOf(_clock.GetUtcNow()));
    }

    private protected static async Task<string> TextOf(HttpResponseMessage response) => await response.Content.ReadAsStringAsync();

    internal static byte[] SecretOf(string html) =>
        FromBase32(Regex.Match(html, "<code>([A-Z2-7 ]+)</code>").Groups[1].Value.Replace(" ", ""));

    private protected static string TicketOf(string html) => Regex.Match(html, "name=\"ticket\" value=\"([^\"]+)\"").Groups[1].Value;

    internal static string[] RecoveryOf(string html) => [.. Regex.Matches(html, "\\b[a-z2-7]{4}(-[a-z2-7]{4}){3}\\b").Select(m => m.Value)];

    private protected async Task<(byte[] Secret, string[] Recovery)> SetUpAsync(PageVisit visit)
    {
        var begun =
            await TextOf(await visit.SendAsync("/settings/password", "/settings/second-factor", ("do", "begin"), ("current", Password)));
        Assert.Contains("<svg", begun);
        Assert.DoesNotContain("style=", begun);
        var secret = SecretOf(begun);
        Assert.Equal(20, secret.Length);
        var wrong = await visit.SendAsync("/settings/password", "/settings/second-factor", ("do", "confirm"),
            ("ticket", TicketOf(begun)), ("code", "000000"));
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
        var done = await visit.SendAsync("/settings/password", "/settings/second-factor", ("do", "confirm"),
            ("ticket", TicketOf(await TextOf(wrong))), ("code", NextCode(secret)));
        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        return (secret, RecoveryOf(await TextOf(done)));
    }

    /// <summary>The first factor; the ticket for the second.</summary>
    private protected async Task<string> BeginAsync(PageVisit visit, params (string, string)[] fields)
    {
        var response = await visit.SendAsync("/login", "/login", [.. fields, ("next", "/settings/tokens")]);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Null(visit.Cookies.GetCookies(new Uri(Hub.Address))[Sessions.CookieName]);
        return TicketOf(await TextOf(response));
    }

    private protected static Task<HttpResponseMessage> CodeAsync(PageVisit visit, string ticket, string code) =>
        visit.SendAsync("/login", "/login/code", ("ticket", ticket), ("code", code));

    [Fact]
    public async Task Guesses_wait_longer_each_time_whoever_makes_them_and_recovery_codes_are_taken_meanwhile()
    {
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        var (secret, recovery) = await SetUpAsync(visit);
        var factors = Hub.Server.Services.GetRequiredService<SecondFactors>();
        var ana = (await Hub.Accounts.FindAsync("ana", default))!;
        for (var i = 0; i < 5; i++)
            Assert.Equal(CodeCheck.Wrong, await factors.CheckAsync(ana, "000000", default));
        _clock.Ahead += TimeSpan.FromSeconds(20);
        Assert.Equal(CodeCheck.Wait, await factors.CheckAsync(ana, Totp.Code(secret, Totp.StepOf(_clock.GetUtcNow())), default));
        Assert.Equal(CodeCheck.Right, await factors.CheckAsync(ana, recovery[0], default));
        // Of a day of guesses so many are looked at.
        var looked = 0;
        for (var i = 0; i < 24 * 6; i++, _clock.Ahead += TimeSpan.FromMinutes(10))
            looked += await factors.CheckAsync(ana, "000000", default) == CodeCheck.Wrong ? 1 : 0;
        Assert.InRange(looked, 20, 40);
        _clock.Ahead += TimeSpan.FromHours(1);
        Assert.Equal(CodeCheck.Right, await factors.CheckAsync(ana, Totp.Code(secret, Totp.StepOf(_clock.GetUtcNow())), default));
        Assert.Equal(CodeCheck.Wrong, await factors.CheckAsync(ana, "000000", default));

        // By the form, from one place, it is eight in a quarter of an hour, for recovery codes too.
        using var guessing = new PageVisit(Hub);
        var ticket = await BeginAsync(guessing, ("name", "ana"), ("password", Password));
        HttpStatusCode last = default;
        for (var i = 0; i < 9; i++)
            last = (await CodeAsync(guessing, ticket, $"aaaa-bbbb-cccc-ddd{i}")).StatusCode;
        Assert.Equal(HttpStatusCode.TooManyRequests, last);
        _clock.Ahead += TimeSpan.FromMinutes(20);
        // the ticket's ten minutes
        Assert.Equal(HttpStatusCode.Forbidden, (await CodeAsync(guessing, ticket, NextCode(secret))).StatusCode);
        var kept = await Hub.Server.Services.GetRequiredService<HubDatabase>()
            .ReadAsync(c => c.QueryAsync<byte[]>("SELECT hash FROM recovery_codes"), default);
        Assert.All(kept, h => Assert.Equal(32, h.Length));
    }
}

/// <summary>What does not depend on the database.</summary>
public sealed class TwoFactorTests(LocalHub hub) : TwoFactorContract(hub), IClassFixture<LocalHub>
{
    [Fact]
    public async Task Whatever_the_first_factor_is_the_second_is_asked_for_and_a_code_is_good_once()
    {
        using var visit = await PageVisit.OfAsync(Hub, "ana");
        Assert.Equal(HttpStatusCode.BadRequest,
            (await visit.SendAsync("/settings/password", "/settings/second-factor", ("do", "begin"), ("current", "wrong"))).StatusCode);
        var (secret, recovery) = await SetUpAsync(visit);
        Assert.Equal(10, recovery.Distinct().Count());
        Assert.DoesNotContain(recovery[0], (await visit.GetAsync("/settings/password")).Html);

        using var other = new PageVisit(Hub);
        var ticket = await BeginAsync(other, ("name", "ana"), ("password", Password));
        Assert.Equal(401, (await other.GetAsync("/settings/tokens")).Status);
        var code = NextCode(secret);
        Assert.Equal(HttpStatusCode.BadRequest, (await CodeAsync(other, ticket, "123456")).StatusCode);
        var entered = await CodeAsync(other, ticket, $" {code[..3]} {code[3..]}");
        Assert.Equal((HttpStatusCode.SeeOther, "/settings/tokens"), (entered.StatusCode, entered.Headers.Location!.ToString()));
        Assert.Equal(200, (await other.GetAsync("/settings/tokens")).Status);
        using var replay = new PageVisit(Hub);
        Assert.Equal(HttpStatusCode.BadRequest, (await CodeAsync(replay, ticket, code)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await CodeAsync(replay, ticket, Totp.Code(secret, Totp.StepOf(_clock.GetUtcNow()) - 1))).StatusCode);

        // A token that signs in, an administrator's link, recovery codes: each once.
        ticket = await BeginAsync(replay, ("token", Hub.Ana));
        Assert.Equal(HttpStatusCode.SeeOther, (await CodeAsync(replay, ticket, recovery[0].ToUpperInvariant())).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await CodeAsync(other, ticket, recovery[0])).StatusCode);
        var link = await Hub.Server.Services.GetRequiredService<SignInLinks>()
            .MakeAsync(SignInLinks.User, (await Hub.Accounts.FindAsync("ana", default))!.Id, default);
        using var joining = new PageVisit(Hub);
        var joined = await joining.SendAsync($"/join?code={link}", "/join", ("code", link), ("password", Password));
        Assert.Equal((HttpStatusCode.OK, 401), (joined.StatusCode, (await joining.GetAsync("/settings/tokens")).Status));
        Assert.Equal(HttpStatusCode.SeeOther, (await CodeAsync(joining, TicketOf(await TextOf(joined)), NextCode(secret))).StatusCode);

        // Tokens go on; git takes no password, which would go round it.
        Assert.Equal(HttpStatusCode.OK, (await Hub.GetAsync("/api/whoami-v2", Hub.Ana)).StatusCode);
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"ana:{Password}"));
        foreach (var path in new[] { "/ana/kept.git/info/refs?service=git-upload-pack", "/api/whoami-v2", "/ana/kept" })
            Assert.Equal(HttpStatusCode.Unauthorized,
                (await Hub.SendAsync(HttpMethod.Get, path, headers: ("Authorization", $"Basic {basic}"))).StatusCode);

        // A session alone takes nothing away.
        foreach (var (what, current, given) in new[] { ("off", "wrong", NextCode(secret)), ("off", Password, "000000"),
            ("codes", Password, ""), ("begin", Password, "") })
            Assert.Equal(HttpStatusCode.BadRequest,
                (await visit.SendAsync("/settings/password", "/settings/second-factor", ("do", what), ("current", current),
                    ("code", given))).StatusCode);
        var renewed =
            await TextOf(await visit.SendAsync("/settings/password", "/settings/second-factor", ("do", "codes"), ("current", Password),
                ("code", NextCode(secret))));
        Assert.Empty(RecoveryOf(renewed).Intersect(recovery));
        Assert.Equal(HttpStatusCode.BadRequest,
            (await visit.SendAsync("/settings/password", "/settings/second-factor", ("do", "off"), ("current", Password),
                ("code", recovery[1]))).StatusCode);
        Assert.Equal(HttpStatusCode.OK,
            (await visit.SendAsync("/settings/password", "/settings/second-factor", ("do", "off"), ("current", Password),
                ("code", RecoveryOf(renewed)[0]))).StatusCode);
        using var again = await PageVisit.OfAsync(Hub, "ana");
    }

    [Fact]
    public async Task Tickets_are_good_for_what_they_are_for_and_forms_of_other_sites_do_nothing()
    {
        using var ana = await PageVisit.OfAsync(Hub, "ana");
        using var ben = await PageVisit.OfAsync(Hub, "ben");
        var begun =
            await TextOf(await ana.SendAsync("/settings/password", "/settings/second-factor", ("do", "begin"), ("current", Password)));
        var (secret, ticket) = (SecretOf(begun), TicketOf(begun));
        Assert.Equal(HttpStatusCode.BadRequest,
            (await ben.SendAsync("/settings/password", "/settings/second-factor", ("do", "confirm"), ("ticket", ticket),
                ("code", NextCode(secret)))).StatusCode);
        foreach (var (page, action) in new[] { ("/login", "/login/code"), ("/login", "/login/set-up") })
            foreach (var given in new[] { ticket, "", "x", ticket[..^2] + "AA" })
                Assert.Equal(HttpStatusCode.Forbidden,
                    (await ana.SendAsync(page, action, ("ticket", given), ("code", NextCode(secret)))).StatusCode);
        foreach (var action in new[] { "/login/code", "/login/set-up", "/settings/second-factor" })
            Assert.Equal(HttpStatusCode.Forbidden,
                (await ana.PostAsync(action, ("ticket", ticket), ("code", NextCode(secret)), ("do", "confirm"))).StatusCode);
        Assert.False(await Hub.Server.Services.GetRequiredService<SecondFactors>()
            .HasAsync((await Hub.Accounts.FindAsync("ana", default))!.Id, default));
    }

    [Fact]
    public async Task Where_everyone_has_to_have_one_it_is_set_up_when_signing_in_and_an_administrator_takes_it_away()
    {
        await Hub.Accounts.SetAdminAsync("ana", true, default);
        using var admin = await PageVisit.OfAsync(Hub, "ana");
        using var ben = await PageVisit.OfAsync(Hub, "ben");
        var (secret, _) = await SetUpAsync(admin);
        Assert.Equal(HttpStatusCode.OK,
            (await admin.SendAsync("/settings/users", "/settings/users", ("do", "factor"), ("factor", "required"))).StatusCode);
        Assert.Equal((200, 401), ((await admin.GetAsync("/settings/tokens")).Status, (await ben.GetAsync("/settings/tokens")).Status));
        var response = await ben.SendAsync("/login", "/login", ("name", "ben"), ("password", Password), ("next", "/settings/tokens"));
        var page = await TextOf(response);
        var bens = SecretOf(page);
        var wrong = await TextOf(await ben.SendAsync("/login", "/login/set-up", ("ticket", TicketOf(page)), ("code", "000000")));
        Assert.Equal(401, (await ben.GetAsync("/settings/tokens")).Status);
        Assert.Equal(bens, SecretOf(wrong));
        var done = await ben.SendAsync("/login", "/login/set-up", ("ticket", TicketOf(wrong)), ("code", NextCode(bens)));
        Assert.Equal((HttpStatusCode.OK, 10), (done.StatusCode, RecoveryOf(await TextOf(done)).Length));
        Assert.Equal(200, (await ben.GetAsync("/settings/tokens")).Status);
        Assert.Equal(HttpStatusCode.Forbidden,
            (await ben.SendAsync("/login", "/login/set-up", ("ticket", TicketOf(wrong)), ("code", NextCode(bens)))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await ben.SendAsync("/settings/password", "/settings/second-factor", ("do", "off"), ("current", Password),
                ("code", NextCode(bens)))).StatusCode);

        Assert.Equal(HttpStatusCode.Forbidden,
            (await ben.SendAsync("/settings/tokens", "/settings/users", ("do", "factor-off"), ("name", "ana"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK,
            (await admin.SendAsync("/settings/users", "/settings/users", ("do", "factor-off"), ("name", "ben"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await admin.SendAsync("/settings/users", "/settings/users", ("do", "factor-off"), ("name", "ben"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK,
            (await admin.SendAsync("/settings/users", "/settings/users", ("do", "factor"), ("factor", "optional"))).StatusCode);
        using var later = await PageVisit.OfAsync(Hub, "ben");
        Assert.NotEmpty(secret);
    }
}
