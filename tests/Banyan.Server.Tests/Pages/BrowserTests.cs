using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Banyan.Server.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Banyan.Server.Tests.Pages;

/// <summary>The pages in a real Chromium.</summary>
public class BrowserTests(SharedServer shared, Browser browser)
{
    [Fact]
    public async Task Code_is_completed_at_the_cursor_and_shows_what_else_was_considered()
    {
        var page = await OpenAsync($"/?model={TestServer.Coder}");
        var messages = Watch(page);
        await page.Locator("#text").FillAsync("int Add(int a, int b) { return ; }");
        await page.EvaluateAsync("document.querySelector('#text').setSelectionRange(31, 31)");
        await SetAsync(page, temperature: "1", tokens: "6", seed: "1");
        await page.Locator("#text").PressAsync("Control+Enter");

        var tokens = page.Locator("#out .t");
        await Expect(page.Locator("#accept")).ToBeVisibleAsync();
        Assert.InRange(await tokens.CountAsync(), 1, 6);
        Assert.StartsWith("int Add(int a, int b) { return ", await page.Locator("#out .given").First.TextContentAsync());
        Assert.Equal("; }", await page.Locator("#out .given").Last.TextContentAsync());
        await Expect(page.Locator("#stats")).ToContainTextAsync("tokens/s");
        await Expect(page.Locator("#stats")).ToContainTextAsync(new Regex("[MG]B memory"));

        await tokens.First.HoverAsync();
        var alternatives = tokens.First.Locator(".alt");
        await Expect(alternatives).ToBeVisibleAsync();
        Assert.InRange(await alternatives.Locator(".row").CountAsync(), 5, 6);   // the five likeliest, and the one that was drawn
        Assert.Matches(@"^\d+(\.\d)?%$", await alternatives.Locator("b").TextContentAsync() ?? "");

        var before = (await page.Locator("#text").InputValueAsync()).Length;
        await page.Locator("#text").FocusAsync();
        await page.Locator("#text").PressAsync("Tab");
        Assert.True((await page.Locator("#text").InputValueAsync()).Length > before);
        Assert.Empty(messages);
    }

    [Fact]
    public async Task A_model_without_fim_continues_the_text_before_the_cursor()
    {
        var page = await OpenAsync("/");
        await page.Locator("#text").FillAsync("Once upon a time, after");
        await page.EvaluateAsync("document.querySelector('#text').setSelectionRange(16, 16)");
        await SetAsync(page, temperature: "0", tokens: "5");
        await page.Locator("#go").ClickAsync();
        await Expect(page.Locator("#accept")).ToBeVisibleAsync();
        Assert.Equal("Once upon a time", await page.Locator("#out .given").First.TextContentAsync());
    }

    [Fact]
    public async Task Stop_ends_a_long_answer()
    {
        var page = await OpenAsync($"/?model={TestServer.Coder}");
        // A tiny model may end by itself before anybody can press the button.
        await page.RouteAsync("**/v1/completions",
            route => route.ContinueAsync(
                new()
                {
                    PostData =
                    Encoding.UTF8.GetBytes(route.Request.PostData!.Replace("{\"model\"", "{\"ignore_eos\":true,\"model\"",
                        StringComparison.Ordinal))
                }));
        await SetAsync(page, temperature: "1", tokens: "4096");
        // Pressed by the page itself: where the machine is busy, a press from here comes after the last of a tiny model's tokens.
        await page.EvaluateAsync("""
            new MutationObserver((_, seen) => {
                if (document.querySelector('#out .t') && !document.querySelector('#stop').hidden) {
                    seen.disconnect();
                    document.querySelector('#stop').click();
                    document.body.dataset.pressed = 'yes';
                }
            }).observe(document.body, { childList: true, subtree: true });
            """);
        await page.Locator("#go").ClickAsync();
        await page.Locator("body[data-pressed=yes]").WaitForAsync();
        await Expect(page.Locator("#stop")).ToBeHiddenAsync();
        await Expect(page.Locator("#out .writing")).ToHaveCountAsync(0);
        var server = await shared.GetAsync();
        await server.UntilAsync(async () => (await server.LoadAsync(TestServer.Coder)).Running == 0);
    }

    [Fact]
    public async Task A_conversation_streams_and_remembers()
    {
        var page = await OpenAsync($"/chat?model={TestServer.Stories}");
        var messages = Watch(page);
        await SetAsync(page, temperature: "0", tokens: "6");
        for (var turn = 1; turn <= 2; turn++)
        {
            await page.Locator("#message").FillAsync("Tell me a story");
            await page.Locator("#message").PressAsync("Enter");
            await Expect(page.Locator(".turn.assistant")).ToHaveCountAsync(turn);
            await Expect(page.Locator("#stop")).ToBeHiddenAsync();
            await Expect(page.Locator(".turn.assistant").Last.Locator(".t").First).ToBeVisibleAsync();
        }
        Assert.Equal(4, await page.EvaluateAsync<int>("JSON.parse(document.querySelector('#history').value).length"));
        Assert.Empty(messages);
    }

    [Fact]
    public async Task Two_models_answer_side_by_side_in_a_shape_and_a_call_waits_for_its_result()
    {
        var page = await OpenAsync($"/chat?model={TestServer.Stories}");
        var messages = Watch(page);
        await SetAsync(page, temperature: "0", tokens: "200");
        await page.Locator(".shaping summary").ClickAsync();
        await page.Locator("#schema")
            .FillAsync(
                """{"type":"object","properties":{"n":{"type":"integer","minimum":0,"maximum":9}},"required":["n"],"additionalProperties":false}""");
        await page.Locator("#beside").SelectOptionAsync(TestServer.Coder);
        await SayAsync("Count");
        await Expect(page.Locator(".pair .turn.assistant")).ToHaveCountAsync(2);
        foreach (var said in await page.EvaluateAsync<string[]>(
            "[...document.querySelectorAll('.pair .said')].map(s => [...s.querySelectorAll('.t')].map(t => t.firstChild.data).join(''))"))
            Assert.InRange((int)JsonNode.Parse(said)!["n"]!, 0, 9);

        // A mistake in an editor is told where the answer would be.
        await page.Locator("#schema").FillAsync("{");
        await SayAsync("Count");
        await Expect(page.Locator(".pair").Last.Locator(".error").First).ToContainTextAsync("JSON Schema of the answer");

        await page.Locator("#schema").FillAsync("");
        await page.Locator("#beside").SelectOptionAsync("");
        await page.Locator("#tools")
            .FillAsync(
                """{"name":"look_up","parameters":{"type":"object","properties":{"up":{"type":"boolean"}},"required":["up"],"additionalProperties":false}}""");
        var sent = new List<string>();
        await page.RouteAsync("**/v1/chat/completions", route =>
        {
            sent.Add(route.Request.PostData!);
            return route.ContinueAsync(
                new()
                {
                    PostData =
                    Encoding.UTF8.GetBytes(route.Request.PostData!.Replace("{\"model\"",
                        "{\"tool_choice\":\"required\",\"parallel_tool_calls\":false,\"model\"", StringComparison.Ordinal))
                });
        });
        await SayAsync("Look");
        await Expect(page.Locator(".call")).ToHaveTextAsync(new Regex(@"^look_up\(\{\s*""up"":\s*(true|false)\s*\}\)$"));
        Assert.Equal("Result of look_up", await page.Locator("#message").GetAttributeAsync("placeholder"));
        await SayAsync("found");
        await Expect(page.Locator(".call")).ToHaveCountAsync(2);
        var last = JsonNode.Parse(sent[^1])!["messages"]!.AsArray();
        Assert.Equal(("tool", "found", (string?)last[^2]!["tool_calls"]![0]!["id"]),
            ((string?)last[^1]!["role"], (string?)last[^1]!["content"], (string?)last[^1]!["tool_call_id"]));
        Assert.Empty(messages);

        async Task SayAsync(string text)
        {
            await page.Locator("#message").FillAsync(text);
            await page.Locator("#message").PressAsync("Enter");
            await Expect(page.Locator("#stop")).ToBeHiddenAsync();
            await Expect(page.Locator(".writing")).ToHaveCountAsync(0);
        }
    }

    [Fact]
    public async Task Without_script_the_form_completes_and_css_shows_the_alternatives()
    {
        var page = await OpenAsync($"/?model={TestServer.Coder}", script: false);
        await page.Locator("#text").FillAsync("int Add(int a, int b) { return <CURSOR>; }");
        await page.Locator(".settings summary").ClickAsync();
        await page.Locator("#max_tokens").FillAsync("6");
        await page.Locator("#temperature").FillAsync("1");
        await page.Locator("#seed").FillAsync("1");
        await page.Locator("#go").ClickAsync();
        var tokens = page.Locator("#out .t");
        await Expect(tokens.First).ToBeVisibleAsync();
        await tokens.First.HoverAsync();
        await Expect(tokens.First.Locator(".alt .row")).ToHaveCountAsync(5);
        await Expect(tokens.First.Locator(".alt")).ToBeVisibleAsync();
        Assert.Equal("int Add(int a, int b) { return <CURSOR>; }", await page.Locator("#text").InputValueAsync());
    }

    [Fact]
    public async Task Without_script_a_conversation_goes_on()
    {
        var page = await OpenAsync($"/chat?model={TestServer.Stories}", script: false);
        for (var turn = 1; turn <= 2; turn++)
        {
            await page.Locator(".settings summary").ClickAsync();
            await page.Locator("#max_tokens").FillAsync("5");
            await page.Locator("#message").FillAsync("<b>Hello</b> & goodbye");
            if (turn == 2)
            {
                await page.Locator(".shaping summary").ClickAsync();
                await page.Locator("#schema").FillAsync("""{"enum":["yes","no"]}""");
            }
            await page.Locator("#go").ClickAsync();
            await Expect(page.Locator(".turn.assistant")).ToHaveCountAsync(turn);
        }
        await Expect(page.Locator(".turn.user .said").First).ToHaveTextAsync("<b>Hello</b> & goodbye");
        Assert.Matches("^\"(yes|no)\"$",
            string.Concat(
                await page.EvaluateAsync<string[]>(
                    "[...document.querySelectorAll('.turn:last-child .said .t')].map(t => t.firstChild.data)")));
    }

    [Theory]
    [InlineData("/", ColorScheme.Light)]
    [InlineData("/chat", ColorScheme.Dark)]
    public async Task On_a_phone_nothing_is_wider_than_the_screen(string path, ColorScheme scheme)
    {
        var page = await browser.OpenAsync((await shared.GetAsync()).Address, 360, 740, touch: true, scheme: scheme);
        await page.GotoAsync(path);
        await SetAsync(page, temperature: "0", tokens: "12");
        if (path == "/chat")
            await page.Locator("#message").FillAsync("A very long word: " + new string('x', 200));
        await page.Locator("#go").TapAsync();
        await page.Locator(".t").First.WaitForAsync();
        await Expect(page.Locator("#stop")).ToBeHiddenAsync();
        await page.Locator(".t").First.TapAsync();
        await Expect(page.Locator(".t").First.Locator(".alt")).ToBeInViewportAsync();
        Assert.Equal(360, await page.EvaluateAsync<int>("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/chat")]
    public async Task Every_control_has_a_name_and_text_has_contrast(string path)
    {
        foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            var page = await browser.OpenAsync((await shared.GetAsync()).Address, scheme: scheme);
            await page.GotoAsync(path);
            Assert.Equal(0,
                await page.EvaluateAsync<int>(
                    "[...document.querySelectorAll('input:not([type=hidden]),select,textarea')].filter(e => !e.labels.length).length"));
            Assert.Equal(1, await page.Locator("h1").CountAsync());
            foreach (var selector in new[] { "h1", ".intro p", ".state", "nav a:not([aria-current])", "button.main", "footer p" })
                Assert.True(await ContrastAsync(page, selector) >= 4.5,
                    $"{selector} on {path} in {scheme}: {await ContrastAsync(page, selector):0.0}");
        }
    }

    /// <summary>WCAG contrast of an element's text with the first opaque ground behind it.</summary>
    static Task<double> ContrastAsync(IPage page, string selector) => page.Locator(selector).First.EvaluateAsync<double>("""
        element => {
          const rgb = color => color.match(/[\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          let ground = element;
          while (rgb(getComputedStyle(ground).backgroundColor)[3] === 0 && ground.parentElement) ground = ground.parentElement;
          const [a, b] = [light(rgb(getComputedStyle(element).color)), light(rgb(getComputedStyle(ground).backgroundColor))].sort((x, y) => y - x);
          return (a + 0.05) / (b + 0.05);
        }
        """);

    static async Task SetAsync(IPage page, string temperature, string tokens, string seed = "")
    {
        await page.Locator(".settings summary").ClickAsync();
        await page.Locator("#temperature").FillAsync(temperature);
        await page.Locator("#max_tokens").FillAsync(tokens);
        await page.Locator("#seed").FillAsync(seed);
    }

    /// <summary>What the browser complains about: errors of the script, violations of the content policy.</summary>
    static List<string> Watch(IPage page)
    {
        var messages = new List<string>();
        page.Console += (_, message) => { if (message.Type is "error" or "warning") messages.Add(message.Text); };
        page.PageError += (_, error) => messages.Add(error);
        return messages;
    }

    async Task<IPage> OpenAsync(string path, bool script = true)
    {
        var page = await browser.OpenAsync((await shared.GetAsync()).Address, script: script);
        await page.GotoAsync(path);
        return page;
    }
}
