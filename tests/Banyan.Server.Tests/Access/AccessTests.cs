using System.Net;
using Banyan.Server.Access;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Access;

public class AccessTests(SharedServer shared)
{
    [Theory]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("[::1]", true)]
    [InlineData("192.168.1.7", true)]
    [InlineData("app.localhost", true)]
    [InlineData("ours.example", true)]
    [InlineData("evil.example", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("127.0.0.1.evil.example", false)]
    [InlineData("", false)]
    public void Only_names_that_cannot_be_rebound_are_answered(string host, bool allowed) =>
        Assert.Equal(allowed,
            HostCheck.IsAllowed(host, new HashSet<string>(["localhost", "ours.example"], StringComparer.OrdinalIgnoreCase)));

    [Fact]
    public async Task A_rebound_name_is_refused()
    {
        var response = await SendAsync(HttpMethod.Get, "/v1/models", ("Host", "evil.example"));
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Contains("--allow-host evil.example", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("null")]
    [InlineData("http://localhost:1")]
    public async Task Pages_of_other_sites_may_not_post(string origin) =>
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Post, "/v1/completions", ("Origin", origin))).StatusCode);

    [Fact]
    public async Task Its_own_pages_may_post() =>
        Assert.Equal(HttpStatusCode.BadRequest,
            (await SendAsync(HttpMethod.Post, "/v1/completions", ("Origin", (await shared.GetAsync()).Address))).StatusCode);

    [Fact]
    public async Task An_allowed_origin_gets_the_cors_headers()
    {
        await using var server = await TestServer.StartAsync(o => o with { AllowedOrigins = ["https://ours.example"] });
        var preflight = new HttpRequestMessage(HttpMethod.Options, "/v1/chat/completions");
        preflight.Headers.Add("Origin", "https://ours.example");
        preflight.Headers.Add("Access-Control-Request-Method", "POST");
        preflight.Headers.Add("Access-Control-Request-Headers", "authorization,content-type");
        var response = await server.Client.SendAsync(preflight);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal(["https://ours.example"], response.Headers.GetValues("Access-Control-Allow-Origin"));
        Assert.Equal(["authorization,content-type"], response.Headers.GetValues("Access-Control-Allow-Headers"));
        Assert.False(
            (await SendAsync(HttpMethod.Get, "/v1/models", ("Origin", "https://evil.example"))).Headers.Contains(
                "Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task A_key_is_asked_for_where_one_is_set()
    {
        await using var server = await TestServer.StartAsync(o => o with { ApiKey = "secret" });
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Client.GetAsync("/v1/models")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/health")).StatusCode);
        foreach (var (key, status) in new[] { ("secret", HttpStatusCode.OK), ("secre", HttpStatusCode.Unauthorized),
            ("secrets", HttpStatusCode.Unauthorized) })
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
            request.Headers.Authorization = new("Bearer", key);
            Assert.Equal(status, (await server.Client.SendAsync(request)).StatusCode);
        }
        var form = await server.Client.PostAsync("/", new FormUrlEncodedContent([new("text", "a")]));
        Assert.Equal(HttpStatusCode.Unauthorized, form.StatusCode);
        Assert.Contains("name=\"key\"", await form.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/chat")]
    public async Task Pages_load_nothing_from_elsewhere(string path)
    {
        var response = await (await shared.GetAsync()).Client.GetAsync(path);
        Assert.StartsWith("default-src 'none'; script-src 'self';", response.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.DoesNotMatch("""(src|href)="https?://""", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public void Bad_options_are_all_told_at_once()
    {
        var problems = new ServerOptions
        {
            Port = 70000,
            Host = "nowhere",
            ApiKey = "",
            AllowedOrigins = ["x"],
            Inference = new() { MaxPending = 0 }
        }.Problems();
        Assert.Equal(5, problems.Count);
    }

    async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, (string Name, string Value) header)
    {
        var request = new HttpRequestMessage(method, path);
        if (method == HttpMethod.Post)
            request.Content = new StringContent("{}");
        request.Headers.Add(header.Name, header.Value);
        return await (await shared.GetAsync()).Client.SendAsync(request);
    }
}
