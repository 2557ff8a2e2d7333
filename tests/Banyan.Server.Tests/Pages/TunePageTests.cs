using Banyan.Server.Hub;
using Banyan.Server.Tuning;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Pages;

/// <summary>Runs of <c>banyan tune</c> as an administrator sees them, and nobody else.</summary>
public class TunePageTests(SharedHub shared)
{
    static readonly TimeSpan s_long = TimeSpan.FromHours(1);

    static void Write(string folder, string run, string html, TimeSpan ago)
    {
        var page = Path.Combine(folder, run, TuneRuns.PagePath);
        Directory.CreateDirectory(Path.GetDirectoryName(page)!);
        File.WriteAllText(page, html);
        File.SetLastWriteTimeUtc(page, DateTime.UtcNow - ago);
    }

    [Fact]
    public async Task Administrators_see_the_runs_of_the_folder_and_nobody_else_does()
    {
        var hub = await shared.GetAsync();
        var folder = hub.Server.Services.GetRequiredService<HubOptions>().TuneFolder!;
        // as if it were written while this runs, however long that takes
        Write(folder, "mine & theirs", "<!doctype html><title>coder &lt;b&gt; on data</title><p>step 3</p>", -s_long);
        Write(folder, "done", "<!doctype html><p>no title</p>", s_long);
        Directory.CreateDirectory(Path.Combine(folder, "empty"));
        // Links lead nowhere.
        var outside = Path.Combine(hub.Server.Services.GetRequiredService<HubOptions>().DataFolder, "outside");
        Write(outside, "x", "secret", TimeSpan.Zero);
        Directory.CreateSymbolicLink(Path.Combine(folder, "linked"), Path.Combine(outside, "x"));
        Directory.CreateDirectory(Path.Combine(folder, "file", "training"));
        File.CreateSymbolicLink(Path.Combine(folder, "file", TuneRuns.PagePath), Path.Combine(outside, "x", TuneRuns.PagePath));

        using var olga = await PageVisit.OfAsync(hub, SharedHub.Administrator);
        var (status, html) = await olga.GetAsync("/tune");
        Assert.Equal(200, status);
        Assert.Contains("<a href=\"/tune/mine%20%26%20theirs\">mine &amp; theirs</a>", html);
        Assert.Contains("coder &lt;b&gt; on data", html);
        Assert.True(html.IndexOf("mine &amp;", StringComparison.Ordinal) < html.IndexOf(">done<", StringComparison.Ordinal));
        Assert.DoesNotContain("linked", html);
        Assert.DoesNotContain(">file<", html);
        Assert.DoesNotContain("empty", html);

        var page = await olga.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/tune/mine%20%26%20theirs"));
        Assert.Contains("step 3", await page.Content.ReadAsStringAsync());
        Assert.Equal("10", page.Headers.GetValues("Refresh").Single()); // it changed just now
        Assert.StartsWith("default-src 'none'; style-src 'unsafe-inline'", page.Headers.GetValues("Content-Security-Policy").Single());
        Assert.False((await olga.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/tune/done"))).Headers.Contains("Refresh"));
        foreach (var name in new[] { "linked", "file", "empty", "nothing", "..%2F..%2Foutside%2Fx", ".." })
            Assert.DoesNotContain("secret", (await olga.GetAsync($"/tune/{name}")).Html);
        Assert.Equal(404, (await olga.GetAsync("/tune/linked")).Status);

        using var ana = await PageVisit.OfAsync(hub, "ana");
        using var nobody = new PageVisit(hub);
        foreach (var path in new[] { "/tune", "/tune/done", "/tune/nothing" })
        {
            Assert.Equal(403, (await ana.GetAsync(path)).Status);
            Assert.NotEqual(200, (await nobody.GetAsync(path)).Status);
        }
    }
}
