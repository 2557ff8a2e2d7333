using System.Net;
using System.Text.RegularExpressions;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Tests.Support;
using Banyan.Tests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Tests.Pages;

/// <summary>Pages are shown in the visitor's language: all of their texts, and no page is half of one.</summary>
public partial class LanguageTests(SharedHub shared)
{
    [Fact]
    public void Every_language_has_every_text_with_the_same_places_in_it()
    {
        static string Places(string text) => string.Join(' ', Place().Matches(text).Select(m => m.Value).Order(StringComparer.Ordinal));
        Assert.Equal(5, PageLanguage.All.Count);
        foreach (var language in PageLanguage.All)
        {
            Assert.Equal(PageLanguage.English.Texts.Keys.Order(StringComparer.Ordinal), language.Texts.Keys.Order(StringComparer.Ordinal));
            Assert.All(language.Texts, t =>
            {
                Assert.Equal(Places(PageLanguage.English[t.Key]), Places(t.Value));
                Assert.Equal(t.Value.Trim(), t.Value);
                Assert.NotEmpty(t.Value);
                Assert.DoesNotContain('<', t.Value);
            });
        }
        // What is Chinese or Hindi has no Latin letters but names; what is Portuguese or Indonesian differs from English, unless the words
        // are the same.
        foreach (var tag in new[] { "hi", "zh" })
            Assert.All(PageLanguage.Find(tag)!.Texts.Values,
                text => Assert.All(Latin().Matches(Place().Replace(text, "")).Select(m => m.Value),
                    word => Assert.Contains(word, s_names)));
    }

    static readonly string[] s_names = ["API", "AI", "Banyan", "Hugging", "Face", "git", "README", "md", "safetensors", "GGUF", "write",
        "hi", "pt", "zh", "read", "admin", "JSON", "CSV", "TSV", "Parquet", "UTC", "GB", "OpenID", "Connect", "PKCE",
        "client", "id", "OpenAI", "Jinja", "Python", "pickle"];

    [GeneratedRegex(@"\{[\w.]+\}")]
    private static partial Regex Place();

    [GeneratedRegex("[A-Za-z]{2,}")]
    private static partial Regex Latin();

    [Fact]
    public void Pages_use_the_texts_that_there_are_and_all_of_them()
    {
        var sources =
            string.Concat(new[] { "Banyan.Server",
                "Banyan.Cli" }.SelectMany(p =>
                Directory.EnumerateFiles(Path.Combine(SharedData.Repository, "src", p), "*", SearchOption.AllDirectories))
            .Where(f => (f.EndsWith(".razor", StringComparison.Ordinal) || f.EndsWith(".cs", StringComparison.Ordinal))
                && !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}")).Select(File.ReadAllText));
        var keys = PageLanguage.English.Texts.Keys;
        var asked =
            Regex.Matches(sources,
                """\b(?:T|T\.Say|T\.Many|language|language\.Say|Language\(\)|Language\(\)\.Say|Say|Many|this)[\[(]"([a-z_.]+)"[\]),]""")
                    .Select(m => m.Groups[1].Value).Distinct().ToArray();
        Assert.True(asked.Length > 100, $"{asked.Length} texts are asked for by their names");
        string[] unknown = [.. asked.Where(a => !keys.Contains(a) && !keys.Contains($"{a}.one"))];
        Assert.Empty(unknown);
        // T[$"nav.{type}"]: any key of that form may be asked for.
        string[] made =
            [.. Regex.Matches(sources, """\$"([a-z_]+(?:\.[a-z_]+)*\.)\{[^"{}]+\}"[\] ]""").Select(m => m.Groups[1].Value).Distinct()];
        string[] unused =
            [.. keys.Where(k => !sources.Contains($"\"{Regex.Replace(k, @"\.(one|other)$", "")}\"")
                && !made.Any(m => k.StartsWith(m, StringComparison.Ordinal) && k.LastIndexOf('.') == m.Length - 1))];
        Assert.Empty(unused);
    }

    [Theory]
    [InlineData("", null, "en")]
    [InlineData("pt-BR,pt;q=0.9,en;q=0.8", null, "pt")]
    [InlineData("en-GB, hi;q=0.9", null, "en")]
    [InlineData("fr-CH, fr;q=0.9, hi;q=0.5, *;q=0.1", null, "hi")]
    [InlineData("hi;q=0.2, id ; q=0.7", null, "id")]
    [InlineData("in_ID", null, "id")]
    [InlineData("zh-TW", null, "zh")]
    [InlineData("ZH-hans-CN", null, "zh")]
    [InlineData("hi;q=0, de", null, "en")]
    [InlineData("hi;q=x", null, "en")]
    [InlineData("hi;q=7", null, "en")]
    [InlineData("*", null, "en")]
    [InlineData(";,;=,,q=1;hi", null, "en")]
    [InlineData("hi", "zh", "zh")]
    [InlineData("hi", "fr", "hi")]
    [InlineData("hi", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "hi")]
    public void A_language_is_chosen_by_the_visitor_or_the_browser(string header, string? cookie, string expected)
    {
        var request = new DefaultHttpContext().Request;
        request.Headers.AcceptLanguage = header;
        if (cookie is not null)
            request.Headers.Cookie = $"{PageLanguage.CookieName}={cookie}";
        Assert.Equal(expected, PageLanguage.Of(request).Tag);
    }

    [Fact]
    public void What_stands_in_a_text_is_never_taken_for_a_place_itself() =>
        Assert.Equal("Nothing has “{corrected}”. This is what “{query}” finds.",
            PageLanguage.English.Say("search.corrected", ("query", "{corrected}"), ("corrected", "{query}")));

    async Task<IDocument> PageAsync(string path, string language, string? token = null)
    {
        var response = await (await shared.GetAsync()).SendAsync(HttpMethod.Get, path, token, null, ("Accept", "text/html"),
            ("Accept-Language", language));
        return new HtmlParser().ParseDocument(await response.Content.ReadAsStringAsync());
    }

    // What people here called things: names, tags, words of the format.
    const string Data = """
        ana|acme|Acme|ben|coder|gated|words|base|code|Banyan|apache-2\.0|mit|llama|en|hi|README\.md|xx|banyan|transformers|llama\.cpp|Ollama|OpenAI client|datasets|hf|git|vLLM|SGLang|
        [0-9.]+ ?[kMGTB]?B?|English|Bahasa Indonesia|Português|owner/name|hi, pt|olga|main|src|model\.py|lines\.jsonl|rows|files|config\.json|Markdown|gitattributes|test|read|admin|datasets/acme/code|data|cut\.parquet|media\.parquet|n|kind|row|k|GB|PIN|UTC|repo|BCDF-GHJK|OpenID|Connect|PKCE|https|app|example|org|callback|client_id|acme/|acme/coder|zh|pt|id|API|AI|GGUF|safetensors|write|hf_|nothingatall|Hugging Face|Python|C|CURSOR|Ctrl|Enter|Esc|Tab|curl|OpenAI|banyan serve|JSON|Authorization: Bearer TOKEN|banyan hub token add|nothing/here
        """;

    [Theory]
    [InlineData("/")]
    [InlineData("/models?language=hi&license=apache-2.0&fits=8")]
    [InlineData("/models?search=nothingatall")]
    [InlineData("/datasets?task_categories=translation")]
    [InlineData("/search?q=coder")]
    [InlineData("/search?q=nothingatall")]
    [InlineData("/ana")]
    [InlineData("/acme")]
    [InlineData("/ana/coder")]
    [InlineData("/datasets/ana/words")]
    [InlineData("/acme/gated")]
    [InlineData("/login")]
    [InlineData("/ana/coder/tree/main")]
    [InlineData("/ana/coder/blob/main/src/model.py")]
    [InlineData("/ana/coder/commits/main")]
    [InlineData("/ana/coder/commit/main")]
    [InlineData("/ana/coder/discussions")]
    [InlineData("/ana/coder/upload/main")]
    [InlineData("/datasets/ana/rows/viewer/main/lines.jsonl?q=row")]
    [InlineData("/collections?item=models/ana/coder")]
    [InlineData("/notifications")]
    [InlineData("/new")]
    [InlineData("/playground")]
    [InlineData("/chat")]
    [InlineData("/nothing/here")]
    public async Task No_text_of_a_page_is_left_in_another_language(string path)
    {
        var hub = await shared.GetAsync();
        foreach (var tag in new[] { "hi", "zh" })
            foreach (var token in path == "/login" ? [null] : new[] { null, hub.Ben })
                AssertAllIn(tag, await PageAsync(path, tag, token));
    }

    [Fact]
    public async Task No_text_of_ones_settings_is_left_in_another_language()
    {
        using var visit = await PageVisit.OfAsync(await shared.GetAsync(), SharedHub.Administrator);
        foreach (var tag in new[] { "hi", "zh" })
        {
            visit.Cookies.Add(new Cookie(PageLanguage.CookieName, tag, "/", new Uri(visit.Address).Host));
            foreach (var path in new[] { "/settings/tokens", "/settings/applications", "/settings/password", "/settings/signing-keys",
                "/settings/organizations", "/settings/storage", "/settings/users", "/settings/jobs", "/settings/audit", "/tune",
                "/oauth/device", "/oauth/device?user_code=BCDF-GHJK", "/notifications" })
                AssertAllIn(tag, new HtmlParser().ParseDocument((await visit.GetAsync(path)).Html));
        }
    }

    static void AssertAllIn(string tag, IDocument page)
    {
        Assert.Equal((tag, "ltr"), (page.DocumentElement.GetAttribute("lang"), page.DocumentElement.GetAttribute("dir")));
        foreach (var hidden in page.QuerySelectorAll(
            "pre, code, script, article, textarea.code, #text, [lang=en], select[name=to], .mark, .repos .name, time, th[scope=row], td .hide, .inbox li, .log tbody, .latest, .commits li > a, .files .last a, .data td, .data th small").ToArray())
            hidden.Remove();
        var texts = page.Descendants<IText>().Select(t => t.Data)
            .Concat(page.All.SelectMany(e => new[] { "placeholder", "title", "aria-label", "alt" }.Select(e.GetAttribute)).OfType<string>())
            .Select(t => t.Trim());
        string[] left = [.. texts.Where(t => !s_known.IsMatch(t))];
        Assert.Empty(left);
    }

    static readonly Regex s_known = new($"^[^A-Za-z]*((?<![A-Za-z])({Data.ReplaceLineEndings("")})(?![A-Za-z])[^A-Za-z]*)*$");

    // Names of things, marks of code, and words that all languages write so.
    static readonly string[] s_literals = ["Banyan", "Pickle", "Markdown", "client_id", "curl", "C#", "Tab", "null", "1 GB", "2 GB", "3 GB", "4 GB",
        "8 GB", "10 GB", "16 GB", "32 GB"];

    [Fact]
    public void No_page_has_a_text_of_its_own()
    {
        var found = new List<string>();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(SharedData.Repository, "src", "Banyan.Server"), "*.razor",
            SearchOption.AllDirectories).Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}")))
        {
            var markup = Code().Split(Comment().Replace(File.ReadAllText(file), ""))[0];
            // What is between tags, what assistive programs read of attributes, and what an expression chooses from.
            found.AddRange(Between().Matches(Shown().Replace(markup, "")).Select(m => m.Groups[1].Value.Trim())
                .Concat(Said().Matches(markup).Concat(Chosen().Matches(markup)).Select(m => m.Groups[1].Value))
                .Where(t => Latin().IsMatch(Place().Replace(t, "")) && !s_literals.Contains(t))
                .Select(t => $"{Path.GetFileName(file)}: {t}"));
        }
        Assert.Empty(found);
    }

    [GeneratedRegex(@"^@code \{", RegexOptions.Multiline)]
    private static partial Regex Code();

    [GeneratedRegex(@"@\*.*?\*@", RegexOptions.Singleline)]
    private static partial Regex Comment();

    // Code and commands are the same in all languages.
    [GeneratedRegex(@"<(code|pre|style)\b.*?</\1>", RegexOptions.Singleline)]
    private static partial Regex Shown();

    [GeneratedRegex(""">([^<>@{}=();"]*[A-Za-z]{2,}[^<>@{}=();"]*)(?=<|@)""")]
    private static partial Regex Between();

    [GeneratedRegex("""\b(?:title|alt|aria-label|Title|Label)="([^"@]*[A-Za-z]{2,}[^"@]*)\x22""")]
    private static partial Regex Said();

    [GeneratedRegex("""[?:] \$?"([^" ][^"]* [^"]*)\x22""")]
    private static partial Regex Chosen();

    [Fact]
    public async Task A_choice_is_remembered_and_leads_back_to_this_hub()
    {
        var hub = await shared.GetAsync();
        using var visit = new PageVisit(hub);
        Assert.Contains("<html lang=\"en\"", (await visit.GetAsync("/models")).Html);
        async Task<string?> ChooseAsync(string to, string next) =>
            (await visit.SendAsync(new HttpRequestMessage(HttpMethod.Get,
                $"/settings/language?to={to}&next={Uri.EscapeDataString(next)}"))).Headers.Location?.ToString();
        Assert.Equal("/models?sort=name", await ChooseAsync("zh", "/models?sort=name"));
        Assert.Contains("<html lang=\"zh\"", (await visit.GetAsync("/models")).Html);
        foreach (var elsewhere in new[] { "https://example.org/", "//example.org", "/\\example.org", "javascript:alert(1)", "" })
            Assert.Equal("/", await ChooseAsync("pt", elsewhere));
        Assert.Contains("<html lang=\"pt\"", (await visit.GetAsync("/models")).Html);
        foreach (var wrong in new[] { "fr", "", "PT", new string('x', 5000) })
            Assert.Null(await ChooseAsync(wrong, "/"));
        Assert.Contains("<html lang=\"pt\"", (await visit.GetAsync("/models")).Html);
        await HubServer.AssertErrorAsync(await hub.GetAsync("/settings/language?to=fr"), HttpStatusCode.BadRequest);
    }
}
