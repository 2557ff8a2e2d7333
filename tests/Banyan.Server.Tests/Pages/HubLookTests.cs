using System.Net;
using System.Text.RegularExpressions;
using Banyan.Server.OAuth;
using Banyan.Server.SignIn;
using Banyan.Server.Tests.Support;
using Banyan.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;

namespace Banyan.Server.Tests.Pages;

/// <summary>
/// The hub's pages in a real Chromium without script: nothing is wider than the smallest phone, and axe-core finds no fault (WCAG 2.2 AA).
/// </summary>
public class HubLookTests(SharedHub shared, Browser browser)
{
    const int Phone = 320;

    [Theory]
    [InlineData(ColorScheme.Light, "ana", "/", "/datasets", "/search?q=coder", "/ana/coder", "/ana/coder/blob/main/src/model.py",
        "/ana/coder/commit/main", "/acme/gated", "/datasets/ana/rows/viewer/main/data/media.parquet", "/settings/password",
        "/settings/storage", "/new", "/collections?item=models/ana/coder", "/notifications")]
    [InlineData(ColorScheme.Dark, "ana", "/models", "/ana", "/datasets/ana/words", "/ana/coder/tree/main",
        "/datasets/ana/rows/viewer/main/lines.jsonl?q=row", "/datasets/ana/rows/viewer/main/lines.jsonl?row=7", "/ana/coder/commits/main",
        "/ana/coder/discussions", "/nothing/here", "/login", "/settings/tokens", "/settings/applications", "/settings/signing-keys",
        "/settings/organizations", "/ana/coder/settings", "/acme/gated/settings", "/playground", "/chat", "/oauth/device")]
    [InlineData(ColorScheme.Light, SharedHub.Administrator, "/settings/users", "/settings/jobs", "/settings/audit")]
    public async Task Pages_fit_a_phone_and_are_open_to_everyone(ColorScheme scheme, string user, params string[] paths)
    {
        await using var look = new Look(await OpenAsync(user, scheme));
        foreach (var path in paths)
        {
            await look.Page.GotoAsync(path);
            await look.CheckAsync(path);
        }
        look.AssertNoComplaint();
    }

    /// <summary>
    /// Pages that are there only in the middle of something: a program's code, an app's question, the second factor's code, a signed
    /// report.
    /// </summary>
    [Fact]
    public async Task Pages_on_the_way_are_open_to_everyone_too()
    {
        var hub = await shared.GetAsync();
        await hub.AddUserAsync("vera");
        using var visit = await PageVisit.OfAsync(hub, "vera");
        var repo = await hub.CreateRepoAsync("reported");
        await hub.CommitFilesAsync(repo, hub.Ana, ("README.md", "# Reported"),
            ("report.json",
                await File.ReadAllTextAsync(Path.Combine(SharedData.Repository, "tests", "Banyan.Server.Tests", "Pages",
                    "Data", "report.json"))));
        await hub.CommitFilesAsync(repo, hub.Ana, ("config.json", """{"layers": 12, "rope": {"theta": 10000}}"""));
        await hub.CommitFilesAsync(repo, hub.Ana, ("config.json", """{"layers": 24, "rope": {"theta": 1000000}}"""),
            ("chat_template.jinja", "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"));
        var proposal =
            "{\"key\":\"header\",\"value\":{\"summary\":\"More\"}}\n{\"key\":\"file\",\"value\":{\"path\":\"README.md\",\"content\":\"# More\",\"encoding\":\"utf-8\"}}";
        await HubServer.JsonOf(await hub.SendAsync(HttpMethod.Post, $"/api/models/{repo}/commit/main?create_pr=1", hub.Ana,
            new StringContent(proposal)));
        await hub.PostJsonAsync($"/api/models/{repo}/discussions/1/comment",
            new { comment = "Why?", path = "README.md", line = 1 }, hub.Ben);
        var device =
            await HubServer.JsonOf(await hub.SendAsync(HttpMethod.Post, "/oauth/device", null,
                new FormUrlEncodedContent([new("client_id", OAuthClient.CommandLine.Id)])));
        var registered =
            await (await visit.SendAsync("/settings/applications", "/settings/applications", ("name", "Warung"),
                ("homepage", "https://app.example.org"), ("redirects", "https://app.example.org/back"),
                ("kind", "server"))).Content.ReadAsStringAsync();
        var client = Regex.Match(registered, "client_id=([0-9a-f-]{36})").Groups[1].Value;
        await using var look = new Look(await OpenAsync("vera", ColorScheme.Light));
        foreach (var path in new[]
        {
            $"/{repo}", $"/{repo}/blob/main/report.json", $"/{repo}/upload/main", $"/{repo}/commit/main",
            $"/{repo}/blob/main/chat_template.jinja", $"/{repo}/discussions/1?path=README.md&line=1&side=old",
            $"/oauth/device?user_code={device.GetProperty("user_code").GetString()}", "/oauth/device?user_code=BCDF-GHJK",
            $"/oauth/authorize?response_type=code&client_id={client}&redirect_uri=https://app.example.org/back&scope=openid%20email%20read-repos",
        })
        {
            await look.Page.GotoAsync(path);
            await look.CheckAsync(path);
        }
        // The factor is set up with its picture; then signing in asks for it.
        await look.Page.GotoAsync("/settings/password");
        await look.Page.Locator("form:has(button[value=begin]) input[name=current]").FillAsync("correct horse battery");
        await look.Page.Locator("button[value=begin]").ClickAsync();
        await look.CheckAsync("the second factor's picture");
        var factors = hub.Server.Services.GetRequiredService<SecondFactors>();
        var secret = Totp.NewSecret();
        Assert.NotNull(await factors.SetAsync((await hub.Accounts.FindAsync("vera", default))!, secret,
            Totp.Code(secret, Totp.StepOf(DateTimeOffset.UtcNow)), default));
        await look.Page.Context.ClearCookiesAsync();
        await look.Page.GotoAsync("/login");
        await look.Page.GetByLabel("Name").FillAsync("vera");
        await look.Page.GetByLabel("Password").FillAsync("correct horse battery");
        await look.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await Assertions.Expect(look.Page.Locator("input[autocomplete=one-time-code]")).ToBeVisibleAsync();
        await look.CheckAsync("/login/code");
        look.AssertNoComplaint();
    }

    /// <summary>A phone's page of somebody who has signed in.</summary>
    async Task<IPage> OpenAsync(string user, ColorScheme scheme)
    {
        var hub = await shared.GetAsync();
        using var visit = await PageVisit.OfAsync(hub, user);
        var page = await browser.OpenAsync(hub.Address, Phone, 700, touch: true, scheme: scheme);
        var session = visit.Cookies.GetCookies(new Uri(hub.Address))[Sessions.CookieName]!;
        await page.Context.AddCookiesAsync([new() { Name = session.Name, Value = session.Value, Url = hub.Address, HttpOnly = true }]);
        return page;
    }

    /// <summary>A page that is looked at, and what is wrong with what it showed.</summary>
    sealed class Look : IAsyncDisposable
    {
        static readonly string s_axe = Path.Combine(SharedData.Repository, "tests", "Clients", "node_modules", "axe-core", "axe.min.js");

        /// <summary>The page as in a language that is written from right to left: nothing stays at the left, or hangs over.</summary>
        const string TurnedRound = """
            phone => {
                const page = document.documentElement, before = page.dir;
                page.dir = 'rtl';
                const wide = Math.max(page.scrollWidth, document.body.scrollWidth);
                const stays = [...document.body.querySelectorAll('*')]
                    .filter(e => getComputedStyle(e).direction === 'rtl' && ['left', 'right'].includes(getComputedStyle(e).textAlign))
                    .map(e => `text is aligned to the ${getComputedStyle(e).textAlign} of ${e.outerHTML.slice(0, 120)}`);
                page.dir = before;
                return wide > phone ? [...stays, `it is ${wide} pixels wide`] : stays;
            }
            """;

        readonly List<string> _complaints = [];

        public Look(IPage page)
        {
            if (!File.Exists(s_axe))
                SharedData.Missing("no axe-core: tests/prepare installs it");
            Page = page;
            page.Console += (_,
                message) =>
            {
                if (message.Type == "error"
                    && !message.Text.Contains("status of 40", StringComparison.Ordinal)) _complaints.Add(message.Text);
            };
        }

        public IPage Page { get; }

        public async Task CheckAsync(string name)
        {
            var width = await Page.EvaluateAsync<int>("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)");
            if (width > Phone)
                _complaints.Add($"{name} is {width} pixels wide");
            await Browser.KeepAsync(Page, name);
            await Page.EvaluateAsync(await File.ReadAllTextAsync(s_axe));
            _complaints.AddRange((await Page.EvaluateAsync<string[]>("""
                async () => (await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
                    .violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 200)} ${n.failureSummary.split('\n')[1] ?? ''}`))
                """)).Select(v => $"{name} {v}"));
            _complaints.AddRange((await Page.EvaluateAsync<string[]>(TurnedRound, Phone)).Select(v => $"{name} from right to left: {v}"));
        }

        public void AssertNoComplaint() => Assert.True(_complaints.Count == 0, string.Join("\n", _complaints));

        public async ValueTask DisposeAsync() => await Page.Context.CloseAsync();
    }

    [Fact]
    public async Task Without_script_somebody_signs_in_and_finds_her_own()
    {
        var hub = await shared.GetAsync();
        using var visit = await PageVisit.OfAsync(hub, "ana");   // gives her the password
        var page = await browser.OpenAsync(hub.Address, script: false);
        await page.GotoAsync("/ana/secret");
        await page.Locator("main").GetByRole(AriaRole.Link, new() { Name = "Sign in" }).ClickAsync();
        await page.GetByLabel("Name").FillAsync("ana");
        await page.GetByLabel("Password").FillAsync("correct horse battery");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "A secret plan" })).ToBeVisibleAsync();
        await page.GetByLabel("You, ana").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        Assert.Equal((int)HttpStatusCode.NotFound, (await page.GotoAsync("/ana/secret"))!.Status);
    }
}
