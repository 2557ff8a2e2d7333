using System.Net;
using Banyan.Server.SignIn;
using Banyan.Tests;
using Microsoft.Playwright;

namespace Banyan.Server.Tests.Pages;

/// <summary>The hub's pages in a real Chromium without script: nothing is wider than the smallest phone, and axe-core finds no fault (WCAG 2.2 AA).</summary>
public class HubLookTests(SharedHub shared, Browser browser)
{
    const int Phone = 320;

    [Theory]
    [InlineData(ColorScheme.Light, "ana", "/", "/datasets", "/search?q=coder", "/ana/coder", "/ana/coder/blob/main/src/model.py", "/ana/coder/commit/main", "/acme/gated", "/datasets/ana/rows/viewer/main/data/media.parquet", "/settings/password", "/new", "/collections?item=models/ana/coder", "/notifications")]
    [InlineData(ColorScheme.Dark, "ana", "/models", "/ana", "/datasets/ana/words", "/ana/coder/tree/main", "/datasets/ana/rows/viewer/main/lines.jsonl?q=row", "/datasets/ana/rows/viewer/main/lines.jsonl?row=7", "/ana/coder/commits/main", "/ana/coder/discussions", "/nothing/here", "/login", "/settings/tokens", "/settings/applications", "/oauth/device")]
    [InlineData(ColorScheme.Light, SharedHub.Administrator, "/settings/users", "/settings/jobs", "/settings/audit")]
    public async Task Pages_fit_a_phone_and_are_open_to_everyone(ColorScheme scheme, string user, params string[] paths)
    {
        var axe = Path.Combine(SharedData.Repository, "tests", "Clients", "node_modules", "axe-core", "axe.min.js");
        if (!File.Exists(axe))
            SharedData.Missing("no axe-core: tests/prepare installs it");
        var hub = await shared.GetAsync();
        using var visit = await PageVisit.OfAsync(hub, user);
        var page = await browser.OpenAsync(hub.Address, Phone, 700, touch: true, scheme: scheme);
        var session = visit.Cookies.GetCookies(new Uri(hub.Address))[Sessions.CookieName]!;
        await page.Context.AddCookiesAsync([new() { Name = session.Name, Value = session.Value, Url = hub.Address, HttpOnly = true }]);
        var complaints = new List<string>();
        page.Console += (_, message) => { if (message.Type == "error" && !message.Text.Contains("404", StringComparison.Ordinal)) complaints.Add(message.Text); };
        var script = await File.ReadAllTextAsync(axe);
        foreach (var path in paths)
        {
            await page.GotoAsync(path);
            var width = await page.EvaluateAsync<int>("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)");
            if (width > Phone)
                complaints.Add($"{path} is {width} pixels wide");
            await page.EvaluateAsync(script);
            complaints.AddRange((await page.EvaluateAsync<string[]>("""
                async () => (await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
                    .violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 200)} ${n.failureSummary.split('\n')[1] ?? ''}`))
                """)).Select(v => $"{path} {v}"));
        }
        Assert.True(complaints.Count == 0, string.Join("\n", complaints));
    }

    [Fact]
    public async Task Without_script_somebody_signs_in_and_finds_her_own()
    {
        var hub = await shared.GetAsync();
        using var visit = await PageVisit.OfAsync(hub, "ana");   // gives her the password
        var page = await browser.OpenAsync(hub.Address, script: false);
        await page.GotoAsync("/ana/secret");
        await page.GetByRole(AriaRole.Link, new() { Name = "sign in", Exact = true }).ClickAsync();
        await page.GetByLabel("Name").FillAsync("ana");
        await page.GetByLabel("Password").FillAsync("correct horse battery");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "A secret plan" })).ToBeVisibleAsync();
        await page.GetByLabel("You, ana").ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        Assert.Equal((int)HttpStatusCode.NotFound, (await page.GotoAsync("/ana/secret"))!.Status);
    }
}
