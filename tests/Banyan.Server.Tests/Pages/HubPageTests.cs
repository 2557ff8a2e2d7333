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
    [InlineData("/playground", "href=\"/models\"")]
    [InlineData("/chat", "href=\"/models\"")]
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
    [InlineData("/api/collections", HttpStatusCode.NotImplemented)]
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
