using System.Net;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Pages;

/// <summary>The hub's pages as a browser without script gets them.</summary>
public class HubPageTests(SharedHub shared)
{
    [Theory]
    [InlineData("/", "ana/</span><wbr>coder")]
    [InlineData("/models", "ana/</span><wbr>coder")]
    [InlineData("/models?language=hi&license=apache-2.0&pipeline_tag=text-generation&sort=name", "ana/</span><wbr>coder")]
    [InlineData("/models?language=xx", "Nothing here is like that")]
    [InlineData("/datasets?task_categories=translation", "ana/</span><wbr>words")]
    [InlineData("/spaces", "There is nothing yet")]
    [InlineData("/search?q=cod", "ana/</span><wbr>coder")]
    [InlineData("/search?q=Acme", "organization")]
    [InlineData("/search?q=%3Cscript%3Ealert(1)%3C/script%3E", "&lt;script&gt;")]
    [InlineData("/search", "<h1>Search</h1>")]
    [InlineData("/ana", "ana/</span><wbr>words")]
    [InlineData("/ACME", "<a href=\"/ana\">ana</a>")]
    [InlineData("/collections", "<h1>Collections</h1>")]
    [InlineData("/collections?item=models/ana/coder", "<h1>Collections with ana/coder</h1>")]
    [InlineData("/playground", "href=\"/models\"")]
    [InlineData("/chat", "href=\"/models\"")]
    [InlineData("/ana/coder", "<td>1</td>")]
    [InlineData("/ana/coder", "href=\"/ana/coder/blob/main/src/model.py\"")]
    [InlineData("/ana/coder", "src=\"/ana/coder/resolve/main/chart.png\"")]
    [InlineData("/ana/coder", "Keep the licence and notices")]
    [InlineData("/ana/coder", "<dd>acme/base</dd>")]
    [InlineData("/datasets/ana/words", "load_dataset(&quot;ana/words&quot;)")]
    [InlineData("/acme/gated", "This repository is gated")]
    [InlineData("/acme/gated", "license=mit")]
    [InlineData("/ana/coder/tree/main", ">src/</a>")]
    [InlineData("/ana/coder/tree/main/src", "/ana/coder/blob/main/src/model.py")]
    [InlineData("/ana/coder/blob/main/src/model.py", "href=\"#L2\" aria-label=\"Line 2\"></a>    return x")]
    [InlineData("/ana/coder/blob/main/README.md", "<h1 id=\"card-coder\">Coder</h1>")]
    [InlineData("/ana/coder/commits/main", "2 commits")]
    [InlineData("/ana/coder/commit/main", "<span class=\"add\">&#x2B;def forward(x):")]
    [InlineData("/ana/coder/discussions", "Nothing is open")]
    [InlineData("/datasets/ana/words/blob/main/data.csv", "<td>with, comma</td><td>4</td>")]
    public async Task A_page_shows_what_everyone_may_see(string path, string expected)
    {
        var (status, html, response) = await shared.PageAsync(path);
        Assert.Equal(200, status);
        Assert.Contains(expected, html);
        Assert.Contains("<main id=\"main\">", html);
        Assert.DoesNotContain("secret", html);
        Assert.DoesNotContain(SharedHub.Hostile, html);
        Assert.StartsWith("default-src 'none'", response.Headers.GetValues("Content-Security-Policy").Single());
        Assert.DoesNotContain("unsafe-inline", response.Headers.GetValues("Content-Security-Policy").Single());
    }

    [Theory]
    [InlineData("/nobody", 404)]
    [InlineData("/ana/nothing/at/all/here", 404)]
    [InlineData("/blog", 404)]
    [InlineData("/ana/secret", 404)]
    [InlineData("/ana/secret/tree/main", 404)]
    [InlineData("/ana/coder/tree/none", 404)]
    [InlineData("/ana/coder/blob/main/none.txt", 404)]
    [InlineData("/ana/coder/commit/none", 404)]
    [InlineData("/ana/coder/discussions/9", 404)]
    [InlineData("/acme/gated/tree/main", 401)]
    [InlineData("/acme/gated/blob/main/README.md", 401)]
    [InlineData("/acme/gated/commits/main", 401)]
    [InlineData("/models?sort=nonsense", 400)]
    [InlineData("/models?cursor=nonsense", 400)]
    [InlineData("/models?num_parameters=many", 400)]
    public async Task What_is_not_there_is_a_page_for_browsers_and_json_for_clients(string path, int status)
    {
        var (got, html, _) = await shared.PageAsync(path);
        Assert.Equal(status, got);
        Assert.Contains($"<p class=\"code\">{status}</p>", html);
        var client = await (await shared.GetAsync()).GetAsync(path);
        Assert.Equal(status, (int)client.StatusCode);
        Assert.Equal("application/json", client.Content.Headers.ContentType?.MediaType);
    }

    [Theory]
    [InlineData("/api/models/ana/none", HttpStatusCode.NotFound)]
    [InlineData("/api/papers", HttpStatusCode.NotImplemented)]
    [InlineData("/v1/nothing", HttpStatusCode.NotFound)]
    public async Task An_api_answers_a_browser_as_it_answers_a_client(string path, HttpStatusCode status)
    {
        var (got, text, response) = await shared.PageAsync(path);
        Assert.Equal((int)status, got);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith("{", text);
        Assert.Equal(status, (await (await shared.GetAsync()).GetAsync(path)).StatusCode);
    }

    [Fact]
    public async Task A_feed_tells_what_everyone_may_see()
    {
        var (status, text, response) = await shared.PageAsync("/feed");
        Assert.Equal((200, "application/atom+xml"), (status, response.Content.Headers.ContentType!.MediaType));
        Assert.Contains(System.Xml.Linq.XDocument.Parse(text).Descendants(),
            e => e.Name.LocalName == "title" && e.Value == "ana/coder (model)");
        Assert.DoesNotContain("secret", text);
        Assert.Contains("Disallow: /settings", (await shared.PageAsync("/robots.txt")).Html);
    }

    [Fact]
    public async Task What_a_gate_hides_is_on_no_page()
    {
        foreach (var path in new[] { "/acme/gated", "/", "/models", "/search?q=gated", "/acme" })
            Assert.DoesNotContain("Behind the gate", (await shared.PageAsync(path)).Html);
        var hub = await shared.GetAsync();
        Assert.Contains("Behind the gate", await (await hub.GetAsync("/acme/gated", hub.Ana)).Content.ReadAsStringAsync());
        Assert.Contains("A secret plan", await (await hub.GetAsync("/ana/secret", hub.Ana)).Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.NotFound, (await hub.GetAsync("/ana/secret", hub.Ben)).StatusCode);
    }

    [Fact]
    public async Task An_address_of_a_blob_gives_the_page_to_browsers_and_the_file_to_clients()
    {
        Assert.Contains("<main", (await shared.PageAsync("/ana/coder/blob/main/src/model.py")).Html);
        Assert.Equal("def forward(x):\n    return x\n",
            await (await (await shared.GetAsync()).GetAsync("/ana/coder/blob/main/src/model.py")).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Weights_are_shown_by_their_header()
    {
        var hub = await shared.GetAsync();
        var repo = await hub.CreateRepoAsync("weights");
        var header =
            """{"__metadata__": {"format": "pt<b>"}, "a.<i>weight": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}}""";
        byte[] file = [.. BitConverter.GetBytes((long)header.Length), .. System.Text.Encoding.UTF8.GetBytes(header), .. new byte[12]];
        await hub.UploadAsync(repo, file);
        var gguf = await File.ReadAllBytesAsync(Banyan.Tests.SharedData.Path("models", "stories260K.gguf"));
        await hub.UploadAsync(repo, gguf);
        await HubServer.JsonOf(await hub.CommitAsync(repo, hub.Ana, "w", null, HubServer.Large("model.safetensors", file),
            HubServer.Large("m.gguf", gguf), HubServer.File("broken.gguf", "GGUF nonsense")));
        var (_, html, _) = await shared.PageAsync($"/{repo}/blob/main/model.safetensors");
        Assert.Contains("1 tensors, 6 parameters", html);
        Assert.Matches(@"a\.&lt;i&gt;weight</a></th>\s*<td class=""num"">2 × 3</td>\s*<td>BF16</td>", html);
        Assert.Contains("pt&lt;b&gt;", html);
        Assert.Contains("token_embd.weight", (await shared.PageAsync($"/{repo}/blob/main/m.gguf")).Html);
        Assert.Contains("cannot be read as weights", (await shared.PageAsync($"/{repo}/blob/main/broken.gguf")).Html);
        Assert.Contains("Memory", (await shared.PageAsync($"/{repo}")).Html);
    }

    [Fact]
    public async Task Names_and_words_of_strangers_are_never_markup()
    {
        var hub = await shared.GetAsync();
        var repo = await hub.CreateRepoAsync("strange");
        await hub.CommitFilesAsync(repo, hub.Ben.Length > 0 ? hub.Ana : null,
            ($"a{SharedHub.Hostile.Replace("/", "")}.txt", SharedHub.Hostile),
            ("README.md",
                $"---\ntags: ['{SharedHub.Hostile}']\nlicense: '\"><script>alert(1)</script>'\n---\n{SharedHub.Hostile}\n\nWhat &lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt; and &lt;!--&lt;script&gt; would be, were it markup."));
        await HubServer.JsonOf(await hub.CommitAsync(repo, hub.Ana, SharedHub.Hostile, null, HubServer.File("b.txt", SharedHub.Hostile)));
        var number =
            (await hub.PostJsonAsync($"/api/models/{repo}/discussions",
                new { title = SharedHub.Hostile, description = $"{SharedHub.Hostile} <img src=x onerror=alert(1)>" },
                hub.Ben)).GetProperty("num").GetInt32();
        foreach (var path in new[] { "", "/tree/main", "/blob/main/b.txt", "/commits/main", "/commit/main", "/discussions",
            $"/discussions/{number}", $"/blob/main/a{Uri.EscapeDataString("<script>alert(1)<script>")}.txt" })
        {
            var (status, html, _) = await shared.PageAsync($"/{repo}{path}");
            Assert.Equal((200, path), (status, path));
            Assert.DoesNotContain("<script", WithoutData(html), StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("onerror", html, StringComparison.OrdinalIgnoreCase);
            if (path.Length == 0)
                Assert.Contains("</script><script>alert(1)</script> and <!--<script>", DataOf(html).GetProperty("description").GetString());
        }
    }

    // The one element that a page may have of this kind: data for search engines, up to the first end that a browser finds.
    static string WithoutData(string html) => html.Split("<script type=\"application/ld+json\">") is [var before, var rest]
        ? before + rest[(rest.IndexOf("</script>", StringComparison.OrdinalIgnoreCase) + 9)..] : html;

    static System.Text.Json.JsonElement DataOf(string html) =>
        System.Text.Json.JsonDocument.Parse(html.Split("<script type=\"application/ld+json\">")[1].Split("</script>")[0]).RootElement;

    [Theory]
    [InlineData("/ana/coder", "SoftwareApplication", "ana/coder", "/ana/coder", "Writes code. See the source")]
    [InlineData("/datasets/ana/words", "Dataset", "ana/words", "/datasets/ana/words", "ana/words: data set")]
    [InlineData("/acme/gated", "SoftwareApplication", "acme/gated", "/acme/gated", "acme/gated: model")]
    [InlineData("/ANA", "Person", "ana", "/ana", null)]
    [InlineData("/acme", "Organization", "Acme", "/acme", null)]
    public async Task A_page_says_what_it_is_to_who_does_not_read_it(string path, string type, string name, string canonical, string? about)
    {
        var (_, html, response) = await shared.PageAsync(path);
        var (data, root) = (DataOf(html), (await shared.GetAsync()).Address);
        Assert.Equal((type, name, root + canonical),
            (data.GetProperty("@type").GetString(), data.GetProperty("name").GetString(), data.GetProperty("url").GetString()));
        if (about is not null)
        {
            Assert.StartsWith(about, data.GetProperty("description").GetString());
            Assert.Contains($"<meta property=\"og:description\" content=\"{about}", html);
            Assert.Equal(path.Split('/')[^2], data.GetProperty(type == "Dataset" ? "creator" : "author").GetProperty("url")
                .GetString()!.Split('/')[^1]);
        }
        Assert.Contains($"<link rel=\"canonical\" href=\"{root}{canonical}\"", html);
        Assert.Contains($"<meta property=\"og:url\" content=\"{root}{canonical}\"", html);
        Assert.DoesNotContain("script-src", response.Headers.GetValues("Content-Security-Policy").Single());
        // Each feed that a page names is there for its reader.
        foreach (var feed in html.Split("<link rel=\"alternate\" type=\"application/atom&#x2B;xml\"")
            .Concat(html.Split("<link rel=\"alternate\" type=\"application/atom+xml\""))
            .Where(l => l.StartsWith(" title", StringComparison.Ordinal)))
            Assert.Equal(200, (await shared.PageAsync(feed.Split("href=\"")[1].Split('"')[0])).Status);
        Assert.Contains("href=\"/feed/new\"", html);
        Assert.Equal(path is "/ana/coder" or "/datasets/ana/words",
            html.Contains($"href=\"{canonical}/discussions/feed\"", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("<p><img src=\"a>b.png\" alt=\"x\"></p><p>It writes <b>code</b> &amp; more of it.</p><p>Then</p>",
        "It writes code & more of it.")]
    [InlineData("<pre>not this, though it is long enough</pre><p title='>'>short</p><p>this one is long enough</p>",
        "this one is long enough")]
    [InlineData("<p>too short</p>", null)]
    [InlineData("<p", null)]
    [InlineData("<p><a href=\"", null)]
    public void The_first_sentences_of_a_card_are_its_summary(string html, string? expected) =>
        Assert.Equal(expected, Banyan.Server.Cards.CardSummary.Of(html));

    [Fact]
    public async Task Pages_of_a_list_follow_one_another()
    {
        await using var hub = await HubServer.StartAsync();
        for (var i = 0; i < 32; i++)
            await hub.CreateRepoAsync($"m{i:00}");
        var first = await (await hub.SendAsync(HttpMethod.Get, "/models?sort=name&search=m&license=")).Content.ReadAsStringAsync();
        Assert.Contains("m29", first);
        Assert.DoesNotContain("m30", first);
        var next = WebUtility.HtmlDecode(first.Split("rel=\"next\" href=\"")[1].Split('"')[0]);
        Assert.StartsWith("/models?search=m&sort=name&cursor=", next);
        var second = await (await hub.GetAsync(next)).Content.ReadAsStringAsync();
        Assert.Contains("m30", second);
        Assert.Contains("m31", second);
        Assert.DoesNotContain("rel=\"next\"", second);
    }
}
