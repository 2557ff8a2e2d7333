using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;
using Banyan.Server.Cards;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Pages;

/// <summary>
/// Hostile.txt holds more than two hundred ways to run a script in, to load from elsewhere, or to pose as the page. Each goes through the
/// sanitizer of cards, and through each place of the pages where people's words are shown; what comes out is read by an HTML parser, and a
/// part of it by Chromium without a policy.
/// </summary>
public class HostileTests(SharedHub shared, Browser browser)
{
    static readonly (string Kind, string Text)[] s_all = [.. Read()];

    static readonly HtmlParser s_parser = new();

    static readonly HashSet<string> s_elements = new(StringComparer.Ordinal)
    {
        "html", "head", "title", "body", "main", "header", "footer", "nav", "aside", "section", "article", "form", "input", "button",
        "select", "option", "label", "textarea", "svg", "path", "audio", "fieldset", "legend",
        "math", "mrow", "mi", "mo", "mn", "mtext", "mspace", "msub", "msup", "msubsup", "mover", "munder", "munderover", "mfrac", "msqrt",
        "mroot", "mtable", "mtr", "mtd", "datalist", "optgroup", "time",
    };

    static IEnumerable<(string, string)> Read()
    {
        var kind = "";
        foreach (var line in File.ReadLines(Path.Combine(SharedData.Repository, "tests", "Banyan.Server.Tests", "Pages", "Hostile.txt")))
            if (line is "# tags" or "# attributes" or "# addresses" or "# svg and mathml" or "# css" or "# markdown"
                or "# entities and unicode" or "# mutation")
                kind = line;
            else
                yield return (kind,
                    Regex.Replace(line, @"\\(\\|n|t|u[0-9a-f]{4})",
                        m => m.Groups[1].Value switch
                        {
                            "\\" => "\\",
                            "n" => "\n",
                            "t" => "\t",
                            var u => ((char)Convert.ToInt32(u[1..], 16)).ToString()
                        }));
    }

    [Fact]
    public void A_card_can_do_nothing()
    {
        Assert.InRange(s_all.Length, 200, 1000);
        Assert.Equal(8, s_all.Select(h => h.Kind).Distinct().Count());
        foreach (var (_, text) in s_all)
        {
            var html = CardHtml.Render(text, "/ana/coder", "main", "docs/");
            var body = s_parser.ParseDocument($"<!DOCTYPE html><body>{html}").Body!;
            Check(body, text, isCard: true);
            // What a browser makes of it a second time is the same: nothing is mended into something else.
            Assert.Equal(body.InnerHtml, s_parser.ParseDocument($"<!DOCTYPE html><body>{body.InnerHtml}").Body!.InnerHtml);
        }
    }

    /// <summary>What a document may hold.</summary>
    static void Check(IElement root, string what, bool isCard = false)
    {
        foreach (var element in root.QuerySelectorAll("*"))
        {
            var name = element.LocalName;
            // A data block, which no browser runs; what it holds is JSON to its end.
            if (!isCard && name == "script" && element.GetAttribute("type") == "application/ld+json")
            {
                JsonDocument.Parse(element.TextContent).Dispose();
                continue;
            }
            var isHead = name is "link" or "meta" && element.ParentElement?.LocalName == "head";
            Assert.True(CardMarkup.Allowed.Contains(name) || (s_elements.Contains(name) && (!isCard || name.StartsWith('m')))
                || (isHead && !isCard), $"<{name}> of {what}");
            if (name == "meta")
                Assert.False(element.HasAttribute("http-equiv") && element.GetAttribute("http-equiv") is not "refresh", what);
            foreach (var attribute in element.Attributes)
            {
                var (key, value) = (attribute.Name.ToLowerInvariant(), attribute.Value);
                Assert.False(key.StartsWith("on", StringComparison.Ordinal) || key is "style" or "srcdoc" or "srcset" or "formaction"
                    or "ping" or "background" or "poster" or "is" or "xlink:href" or "http-equiv", $"{key} of {what}");
                if (key is "href" or "src" or "action" or "cite" or "data")
                    Assert.True(Regex.IsMatch(value, "^(https?://[a-z0-9]|mailto:|/(?![/\\\\])|#|\\?|$)", RegexOptions.IgnoreCase)
                        || (name == "a" && (isCard || element.Closest(".card") is not null)), $"{key}={value} of {what}");
                // A link of a card may lead anywhere but to a script.
                if (key == "href")
                    Assert.DoesNotMatch("(?i)^[\\x00-\\x20]*[a-z]*script|^data|^blob|^file|^jar", value);
                if (key == "src" || (key == "href" && name is not "a" && element.GetAttribute("rel") is not "canonical") || key == "action")
                    Assert.StartsWith("/", value);
                if (isCard)
                    Assert.False(key is "class" && value != "math" || key is "name" or "target"
                        || (key == "id" && !value.StartsWith("card-", StringComparison.Ordinal)), $"{key} of {what}");
            }
        }
    }

    async Task CheckPageAsync(string path, params int[] statuses)
    {
        var (status, html, _) = await shared.PageAsync(path);
        Assert.Contains(status, statuses.Length > 0 ? statuses : [200]);
        Check(s_parser.ParseDocument(html).DocumentElement, path);
    }

    [Fact]
    public async Task Words_of_strangers_do_nothing_on_any_page()
    {
        var hub = await shared.GetAsync();
        var repo = $"datasets/{await hub.CreateRepoAsync("hostile", "dataset")}";
        var texts = s_all.Select(h => h.Text).ToArray();
        var some = texts.Where((_, i) => i % 8 == 0).ToArray();
        var csv = "word,\"<script>alert(1)</script>\"\n"
            + string.Concat(texts.Select((t, i) => $"\"{t.Replace("\"", "\"\"").Replace("\0", " ")}\",{i}\n"));
        var lines = JsonSerializer.Serialize(texts.ToDictionary(t => t, t => new[] { t })) + "\n";
        var card =
            $"---\ntags: {JsonSerializer.Serialize(texts.Where(t => t.Length <= 200))}\nlicense: {JsonSerializer.Serialize(some)}\nlanguage: {JsonSerializer.Serialize(some)}\npretty_name: {JsonSerializer.Serialize(some[0])}\n---\n";
        // Names that git and the hub take; each is shown in the list of files and leads to its page.
        var names = texts.Select(t => t.Replace('/', '∕').Trim())
            .Where(t => t.Length is > 0 and <= 200
                && t.All(c => c is not (':' or '\\')
                    && char.GetUnicodeCategory(c)
                    is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                        or UnicodeCategory.ParagraphSeparator)) && t[0] != '.').Distinct().ToArray();
        foreach (var batch in names.Chunk(80))
            if (await hub.CommitAsync(repo, hub.Ana, "names", null, [.. batch.Select(n => HubServer.File(n, n))])
                is { IsSuccessStatusCode: false } refused)
                Assert.Fail(await refused.Content.ReadAsStringAsync());
        await hub.CommitFilesAsync(repo, hub.Ana, ("README.md", card + string.Join("\n\n", texts)),
            ("rows.csv", csv), ("rows.jsonl", lines));
        foreach (var text in some)
            Assert.True((await hub.CommitAsync(repo, hub.Ana, text, null, HubServer.File("a.txt", text))).IsSuccessStatusCode);
        var number = 0;
        foreach (var kind in s_all.GroupBy(h => h.Kind))
            number = (await hub.PostJsonAsync($"/api/{repo}/discussions",
                new { title = kind.First().Text.Trim(), description = string.Join("\n\n", kind.Select(h => h.Text)) },
                hub.Ben)).GetProperty("num").GetInt32();
        foreach (var text in some)
            await hub.PostJsonAsync($"/api/{repo}/discussions/{number}/comment", new { comment = text }, hub.Ben);

        foreach (var path in (string[])["", "/tree/main", "/blob/main/README.md", "/blob/main/rows.csv", "/commits/main", "/commit/main",
            "/discussions", "/viewer/main/rows.jsonl", "/viewer/main/rows.jsonl?row=0",
            .. Enumerable.Range(1, number).Select(n => $"/discussions/{n}"),
            .. Enumerable.Range(0, texts.Length / 50 + 1).Select(i => $"/viewer/main/rows.csv?start={i * 50}")])
            await CheckPageAsync($"/{repo}{path}");
        foreach (var (name, i) in names.Select((n, i) => (n, i)))
            if (i % 40 == 0)
                await CheckPageAsync($"/{repo}/blob/main/{Uri.EscapeDataString(name)}");
        foreach (var path in new[] { "/", "/datasets", "/ana", "/datasets?search=hostile" })
            await CheckPageAsync(path);

        // In Chromium, with script and without the policy that would stop it: nothing calls alert, nothing is asked of elsewhere.
        var page = await browser.OpenAsync(hub.Address, withoutPolicy: true);
        var happened = new List<string>();
        page.Dialog += async (_, dialog) =>
        {
            happened.Add($"alert on {page.Url}");
            await dialog.DismissAsync();
        };
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(hub.Address, StringComparison.Ordinal))
                happened.Add($"{page.Url} asks {request.Url}");
        };
        foreach (var path in new[] { "", "/tree/main", "/commits/main", $"/discussions/{number}", "/discussions/1", "/viewer/main/rows.csv",
            "/viewer/main/rows.jsonl?row=0" })
            await page.GotoAsync($"/{repo}{path}");
        Assert.True(happened.Count == 0, string.Join("\n", happened));
    }

    [Fact]
    public async Task Words_of_an_address_do_nothing_on_the_page_that_repeats_them()
    {
        for (var i = 0; i < s_all.Length; i++)
        {
            var text = Uri.EscapeDataString(s_all[i].Text);
            if (i % 2 == 0)
                await CheckPageAsync(i % 4 == 0 ? $"/search?q={text}"
                    : $"/{Uri.EscapeDataString(s_all[i].Text.Replace('/', '∕'))}/x/y", 200, 400, 404);
            if (i % 8 == 0)
                await CheckPageAsync($"/datasets/ana/rows/viewer/main/lines.jsonl?q={text}&column=n&op=has&value={text}");
            if (i % 12 == 0)
                await CheckPageAsync(
                    $"/models?search={text}&language={text}&license={text}&sort={(i % 2 == 0 ? "name" : text)}&filter={text}", 200, 400);
            if (i % 12 == 4)
                await CheckPageAsync($"/login?next={text}", 200, 400);
        }
    }
}
