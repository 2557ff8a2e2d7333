using Banyan.Server.Tests.Pages;
using Banyan.Tests;
using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(Browser))]

namespace Banyan.Server.Tests.Pages;

/// <summary>The Chromium of this machine, started once by the first test that needs it.</summary>
public sealed class Browser : IAsyncDisposable
{
    /// <summary>Milliseconds until something is missing: a limit for a machine with other work, not a measure.</summary>
    const int Patience = 180_000;

    static readonly string[] s_paths = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    /// <summary>Whether there is one, and where.</summary>
    public static bool IsThere => s_paths.Any(File.Exists);

    public static string Path => s_paths.First(File.Exists);

    readonly Lazy<Task<IBrowser>> _browser = new(StartAsync);

    public async Task<IPage> OpenAsync(string address, int width = 1280, int height = 900, bool script = true, bool touch = false,
        ColorScheme scheme = ColorScheme.Light, bool withoutPolicy = false)
    {
        if (!IsThere)
            SharedData.Missing("no Chromium on this machine: tests/prepare installs it");
        var context = await (await _browser.Value).NewContextAsync(new()
        {
            BaseURL = address,
            ViewportSize = new() { Width = width, Height = height },
            JavaScriptEnabled = script,
            HasTouch = touch,
            IsMobile = touch,
            ColorScheme = scheme,
            BypassCSP = withoutPolicy,
        });
        context.SetDefaultTimeout(Patience);
        return await context.NewPageAsync();
    }

    static async Task<IBrowser> StartAsync()
    {
        Assertions.SetDefaultExpectTimeout(Patience);
        Environment.SetEnvironmentVariable("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        var playwright = await Playwright.CreateAsync();
        return await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Path,
            ChromiumSandbox = false,
            Args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync"],
        });
    }

    /// <summary>
    /// Keeps pictures of a page, as it is and on a desktop, in the folder of <c>BANYAN_TEST_LOOK</c>, for people to look at.
    /// </summary>
    public static async Task KeepAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("BANYAN_TEST_LOOK") is not { Length: > 0 } folder)
            return;
        var size = page.ViewportSize!;
        foreach (var width in new[] { size.Width, 1280 }.Distinct())
        {
            await page.SetViewportSizeAsync(width, size.Height);
            await page.ScreenshotAsync(
                new()
                {
                    Path = System.IO.Path.Combine(folder, $"{string.Join('-', name.Split('/', '?', '=', '&', ':', ' '))}-{width}.png"),
                    FullPage = true
                });
        }
        await page.SetViewportSizeAsync(size.Width, size.Height);
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await _browser.Value).CloseAsync();
    }
}
