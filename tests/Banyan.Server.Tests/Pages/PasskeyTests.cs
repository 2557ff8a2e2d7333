using System.Net;
using System.Text.Json.Nodes;
using Banyan.Server.SignIn;
using Banyan.Server.SignIn.Passkeys;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;

namespace Banyan.Server.Tests.Pages;

/// <summary>Passkeys in a real Chromium with its virtual authenticator, and what of them is refused.</summary>
public class PasskeyTests(SharedHub shared, Browser browser)
{
    const string Password = "correct horse battery";

    static async Task<ICDPSession> AuthenticatorAsync(IPage page)
    {
        var session = await page.Context.NewCDPSessionAsync(page);
        await session.SendAsync("WebAuthn.enable");
        await session.SendAsync("WebAuthn.addVirtualAuthenticator", new()
        {
            ["options"] = new Dictionary<string, object>
            {
                ["protocol"] = "ctap2",
                ["transport"] = "internal",
                ["hasResidentKey"] = true,
                ["hasUserVerification"] = true,
                ["isUserVerified"] = true,
                ["automaticPresenceSimulation"] = true
            },
        });
        return session;
    }

    [Fact]
    public async Task A_passkey_is_made_signs_in_once_for_each_challenge_and_ends()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("petra");
        var services = hub.Server.Services;
        var petra = (await hub.Accounts.FindAsync("petra", default))!;
        await services.GetRequiredService<Passwords>().SetAsync(petra, Password, default);
        var root = $"http://localhost:{new Uri(hub.Address).Port}";
        var page = await browser.OpenAsync(root);
        var complaints = new List<string>();
        page.Console += (_,
            message) =>
        {
            if (message.Type == "error"
                && !message.Text.Contains("status of 4", StringComparison.Ordinal)) complaints.Add(message.Text);
        };
        var authenticator = await AuthenticatorAsync(page);
        await page.GotoAsync("/login?next=/settings/password");
        await page.GetByLabel("Name").FillAsync("petra");
        await page.GetByLabel("Password").FillAsync(Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        // Not without the password.
        var making = page.Locator("form[action='/settings/passkeys']");
        await making.GetByLabel("Call it").FillAsync("<b>phone</b>");
        await making.GetByLabel("Password").FillAsync("wrong wrong wrong");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByText("The password is not right.")).ToBeVisibleAsync();
        Assert.Empty(await services.GetRequiredService<PasskeyStore>().ListAsync(petra.Id, default));
        await authenticator.SendAsync("WebAuthn.disable");
        authenticator = await AuthenticatorAsync(page);
        await making.GetByLabel("Call it").FillAsync("<b>phone</b>");
        await making.GetByLabel("Password").FillAsync(Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Make a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByText("The passkey signs you in from now on.")).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Rowheader, new() { Name = "<b>phone</b>" })).ToBeVisibleAsync();

        // A second factor is not asked for beside it; what the browser sends is kept, to be sent again.
        var secret = Totp.NewSecret();
        await services.GetRequiredService<SecondFactors>()
            .SetAsync(petra, secret, Totp.Code(secret, Totp.StepOf(DateTimeOffset.UtcNow)), default);
        await page.GetByLabel("You, petra").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.GotoAsync("/login?next=/settings/tokens");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "New token" })).ToBeVisibleAsync();
        Assert.Empty(complaints);
        Assert.NotNull((await services.GetRequiredService<PasskeyStore>().ListAsync(petra.Id, default)).Single().UsedAt);

        // What the browser would send is kept instead: changed it is worth nothing, as it is it is good once, and never with another
        // challenge.
        async Task<(string Ticket, string Credential)> CaughtAsync()
        {
            await page.GotoAsync("/login");
            await page.EvaluateAsync(
                "() => { HTMLFormElement.prototype.submit = function () { window.kept = [this.elements.ticket.value, this.elements.credential.value]; }; }");
            await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
            var kept = await (await page.WaitForFunctionAsync("() => window.kept")).JsonValueAsync<string[]>();
            return (kept[0], kept[1]);
        }
        using var thief = new PageVisit(hub);
        async Task<HttpStatusCode> TryAsync(string ticket, string credential) =>
            (await thief.SendAsync(new(HttpMethod.Post, "/login/passkey")
            {
                Headers = { Host = new Uri(root).Authority },
                Content =
                new FormUrlEncodedContent([new("_token", await thief.TokenAsync("/login")), new("ticket", ticket),
                    new("credential", credential)]),
            })).StatusCode;
        var first = await CaughtAsync();
        Assert.Equal(HttpStatusCode.BadRequest, await TryAsync(first.Ticket, Changed(first.Credential, "signature")));
        Assert.Equal(HttpStatusCode.BadRequest, await TryAsync(first.Ticket, first.Credential));   // that challenge was answered
        Assert.Equal(HttpStatusCode.BadRequest, await TryAsync("x", "{}"));
        Assert.Equal(401, (await thief.GetAsync("/settings/tokens")).Status);
        var (second, third) = (await CaughtAsync(), await CaughtAsync());
        Assert.Equal(HttpStatusCode.BadRequest, await TryAsync(third.Ticket, second.Credential));
        Assert.Equal(HttpStatusCode.SeeOther, await TryAsync(second.Ticket, second.Credential));
        Assert.Equal(HttpStatusCode.BadRequest, await TryAsync(second.Ticket, second.Credential));
        await page.GotoAsync("/login?next=/settings/tokens");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "New token" })).ToBeVisibleAsync();
        using (var stranger = new PageVisit(hub))
            foreach (var (action, status) in new[] { ("/login/passkey", HttpStatusCode.Forbidden),
                ("/settings/passkeys", HttpStatusCode.Unauthorized), ("/settings/passkeys/remove", HttpStatusCode.Unauthorized) })
                Assert.Equal((action, status),
                    (action, (await stranger.PostAsync(action, ("ticket", third.Ticket), ("credential", third.Credential))).StatusCode));

        // Somebody else removes none of hers; she does, and it signs nobody in any more.
        using var ben = await PageVisit.OfAsync(hub, "ben");
        var id = System.Buffers.Text.Base64Url.EncodeToString(
            (await services.GetRequiredService<PasskeyStore>().ListAsync(petra.Id, default)).Single().CredentialId);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await ben.SendAsync("/settings/password", "/settings/passkeys/remove", ("id", id))).StatusCode);
        await page.GotoAsync("/settings/password");
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove <b>phone</b>" }).ClickAsync();
        await Assertions.Expect(page.GetByText("The passkey signs nobody in any more.")).ToBeVisibleAsync();
        await page.Context.ClearCookiesAsync();
        await page.GotoAsync("/login");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByText("This passkey belongs to no account here")).ToBeVisibleAsync();
        var told = await services.GetRequiredService<HubDatabase>()
            .ReadAsync(c => c.QueryAsync<string>("SELECT action FROM audit WHERE actor = 'petra'"), default);
        Assert.All(["passkey.add", "passkey.remove"], action => Assert.Contains(action, told));
    }

    static HttpRequestMessage Localhost(string path, string root) =>
        new(HttpMethod.Get, path) { Headers = { Host = new Uri(root).Authority } };

    static string Changed(string credential, string member)
    {
        var json = JsonNode.Parse(credential)!;
        var value = (string)json["response"]![member]!;
        json["response"]![member] = (value[0] == 'A' ? 'B' : 'A') + value[1..];
        return json.ToJsonString();
    }

    [Fact]
    public async Task Without_a_name_or_a_script_there_is_none_and_everything_else_works()
    {
        var hub = await shared.GetAsync();
        using var visit = new PageVisit(hub);
        var byNumber = new HttpRequestMessage(HttpMethod.Get, "/login") { Headers = { Host = $"127.0.0.1:{new Uri(hub.Address).Port}" } };
        var response = await visit.SendAsync(byNumber);
        Assert.DoesNotContain("passkey", await response.Content.ReadAsStringAsync());
        Assert.DoesNotContain("script-src", response.Headers.GetValues("Content-Security-Policy").Single());
        var byName = await visit.SendAsync(Localhost("/login", $"http://localhost:{new Uri(hub.Address).Port}"));
        Assert.EndsWith("; script-src 'self'; connect-src 'self'", byName.Headers.GetValues("Content-Security-Policy").Single());
        var page = await browser.OpenAsync($"http://localhost:{new Uri(hub.Address).Port}", script: false);
        await page.GotoAsync("/login");
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" })).ToBeHiddenAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true })).ToBeVisibleAsync();
    }
}
