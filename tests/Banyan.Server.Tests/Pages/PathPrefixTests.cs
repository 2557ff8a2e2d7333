using System.Net;
using System.Text;
using AngleSharp.Html.Parser;
using Banyan.Server.Pages;
using Banyan.Server.SignIn;
using Banyan.Server.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Pages;

/// <summary>A hub that a proxy shows below a path: what a browser follows, sends and keeps has that path.</summary>
public sealed class PathPrefixTests
{
    [Fact]
    public async Task Links_forms_redirects_and_cookies_have_the_path()
    {
        await using var hub = await HubServer.StartAsync(change: o => o with { PublicUrl = "https://example.org/banyan/" });
        var repo = await hub.CreateRepoAsync("below");
        await hub.CommitFilesAsync(repo, hub.Ana, ("README.md", "# Below\n\n[here](src/a.py) [there](/models) <img src=\"a.png\">"),
            ("src/a.py", "x = \"/y\""), ("a.png", "x"));
        await hub.Server.Services.GetRequiredService<Passwords>()
            .SetAsync((await hub.Accounts.FindAsync("ana", default))!, "correct horse battery", default);
        using var client =
            new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new(hub.Address) };
        client.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        string? cookies = null;
        async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content = null)
        {
            var request = new HttpRequestMessage(method, path) { Content = content };
            if (cookies is not null)
                request.Headers.Add("Cookie", cookies);
            var answer = await client.SendAsync(request);
            if (answer.Headers.TryGetValues("Set-Cookie", out var set))
            {
                Assert.All(set, c => Assert.Contains("path=/banyan/;", c));
                cookies =
                    string.Join("; ", set.Select(c => c.Split(';')[0]).Concat(cookies?.Split("; ") ?? []).DistinctBy(c => c.Split('=')[0]));
            }
            return answer;
        }
        var signIn = await (await SendAsync(HttpMethod.Get, "/login")).Content.ReadAsStringAsync();
        var token = new HtmlParser().ParseDocument(signIn).QuerySelector("input[name=_token]")!.GetAttribute("value")!;
        var entered = await SendAsync(HttpMethod.Post, "/login",
            new FormUrlEncodedContent([new("_token", token), new("name", "ana"),
                new("password", "correct horse battery"), new("next", "/ana")]));
        Assert.Equal((HttpStatusCode.SeeOther, "/banyan/ana"), (entered.StatusCode, entered.Headers.Location!.OriginalString));
        var count = 0;
        foreach (var path in new[] { "/", "/models", $"/{repo}", $"/{repo}/tree/main", $"/{repo}/blob/main/src/a.py",
            $"/{repo}/upload/main", $"/{repo}/discussions", "/settings/tokens", "/notifications", "/playground",
            "/nothing/here", "/login" })
        {
            var page = new HtmlParser().ParseDocument(await (await SendAsync(HttpMethod.Get, path)).Content.ReadAsStringAsync());
            foreach (var element in page.All)
                foreach (var name in new[] { "href", "src", "action", "formaction", "data-pieces" })
                    if (element.GetAttribute(name) is ['/', ..] address)
                    {
                        Assert.StartsWith("/banyan/", address);
                        Assert.False(address.StartsWith("/banyan/banyan", StringComparison.Ordinal), address);
                        count++;
                    }
            Assert.DoesNotContain("/banyan", page.QuerySelector("input[name=next]")?.GetAttribute("value") ?? "");
        }
        Assert.True(count > 200, $"{count} addresses");
        var code = await (await SendAsync(HttpMethod.Get, $"/{repo}/blob/main/src/a.py")).Content.ReadAsStringAsync();
        Assert.Contains("x = &quot;/y&quot;", code);
        // A file is sent as it is, to whomever.
        Assert.Equal("x = \"/y\"", await (await SendAsync(HttpMethod.Get, $"/{repo}/resolve/main/src/a.py")).Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("<a href=\"/x\">/y \"/z\"</a>", "<a href=\"/p/x\">/y \"/z\"</a>")]
    [InlineData("<a class=\"a\" href=\"/\"><img src=\"/i\" alt=\"/t\">", "<a class=\"a\" href=\"/p/\"><img src=\"/p/i\" alt=\"/t\">")]
    [InlineData("<a href=\"//other\"><a href=\"x\"><a href=\"\"><a href=\"https://x/\">",
        "<a href=\"//other\"><a href=\"x\"><a href=\"\"><a href=\"https://x/\">")]
    [InlineData("<form action=\"/a\"><button formaction=\"/b\"><p title=\"href=\">é</p><a\n href=\"/c\">",
        "<form action=\"/p/a\"><button formaction=\"/p/b\"><p title=\"href=\">é</p><a\n href=\"/p/c\">")]
    public void Addresses_in_attributes_get_it_however_the_page_comes_in_pieces(string html, string expected)
    {
        var bytes = Encoding.UTF8.GetBytes(html);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var stream = new PathPrefix.PrefixedHtml(Stream.Null, new DefaultHttpContext().Response, "/p");
            Assert.Equal(expected, Encoding.UTF8.GetString([.. stream.Change(bytes.AsSpan(0, cut)), .. stream.Change(bytes.AsSpan(cut))]));
        }
    }
}
