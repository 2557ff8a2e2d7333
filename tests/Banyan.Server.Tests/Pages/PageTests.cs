using System.Net;
using System.Net.Http.Headers;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Pages;

public class PageTests(SharedServer shared)
{
    [Fact]
    public async Task A_page_with_everything_it_loads_is_a_few_kilobytes()
    {
        var server = await shared.GetAsync();
        var total = 0L;
        foreach (var path in new[] { "/", "/assets/site.css", "/assets/playground.js", "/assets/banyan.svg" })
        {
            var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.AcceptEncoding.Add(new("br"));
            var response = await server.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            total += (await response.Content.ReadAsByteArrayAsync()).Length;
        }
        Assert.InRange(total, 1, 14 * 1024);   // one round trip of TCP's initial window
    }

    [Fact]
    public async Task Assets_are_cached_until_they_change()
    {
        var client = (await shared.GetAsync()).Client;
        var page = await client.GetStringAsync("/");
        var url = page.Split("stylesheet\" href=\"")[1].Split('"')[0];
        var response = await client.GetAsync(url);
        Assert.True(response.Headers.CacheControl is { Public: true, MaxAge.TotalDays: > 300 });
        var again = new HttpRequestMessage(HttpMethod.Get, url);
        again.Headers.IfNoneMatch.Add(response.Headers.ETag!);
        Assert.Equal(HttpStatusCode.NotModified, (await client.SendAsync(again)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/assets/secrets")).StatusCode);
    }

    [Fact]
    public async Task Text_is_never_markup()
    {
        var response = await (await shared.GetAsync()).Client.PostAsync("/",
            new FormUrlEncodedContent([new("text", "<script>alert(1)</script>\"'&"), new("max_tokens", "1"),
                new("model", TestServer.Coder)]));
        var html = await response.Content.ReadAsStringAsync();
        Assert.DoesNotContain("<script>alert", html);
        Assert.Contains("&lt;script&gt;alert", html);
    }

    [Theory]
    [InlineData("nobody", 404)]
    [InlineData(TestServer.Stories, 400)]
    public async Task A_form_that_cannot_be_answered_comes_back_with_the_reason(string model, int status)
    {
        var text = string.Concat(Enumerable.Repeat("word ", 3000));
        var response = await (await shared.GetAsync()).Client.PostAsync("/",
            new FormUrlEncodedContent([new("text", text), new("model", model)]));
        Assert.Equal(status, (int)response.StatusCode);
        var html = await response.Content.ReadAsStringAsync();
        Assert.Contains("role=\"alert\"", html);
        Assert.Contains("word word word", html);
    }

    [Fact]
    public async Task A_form_in_another_type_is_refused()
    {
        using var content = new StringContent("{}", MediaTypeHeaderValue.Parse("application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, (await (await shared.GetAsync()).Client.PostAsync("/", content)).StatusCode);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("""[{"role":"user"}]""")]
    public async Task A_broken_history_starts_a_new_conversation(string history)
    {
        var response = await (await shared.GetAsync()).Client.PostAsync("/chat",
            new FormUrlEncodedContent([new("history", history), new("message", "Hello"), new("max_tokens", "2")]));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Single(System.Text.RegularExpressions.Regex.Matches(await response.Content.ReadAsStringAsync(), "class=\"turn user\""));
    }
}
