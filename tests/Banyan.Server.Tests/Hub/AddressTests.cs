using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Tests.Support;
using Banyan.Server.Tests.Xet;

namespace Banyan.Server.Tests.Hub;

/// <summary>What clients, proxies and browsers say of addresses and bodies, as the standards have it.</summary>
public sealed class AddressTests : IAsyncLifetime
{
    HubServer _hub = null!;

    public async ValueTask InitializeAsync() => _hub = await HubServer.StartAsync(change: o => o with { PublicUrl = null });

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    [Fact]
    public async Task Lists_are_compressed_and_files_are_not()
    {
        for (var i = 0; i < 5; i++)
            await _hub.CreateRepoAsync($"listed-{i}");
        var text = string.Concat(Enumerable.Repeat("[\"the same again\"],", 200));
        await HubServer.JsonOf(await _hub.CommitAsync("ana/listed-0", _hub.Ana, "x", null,
            ("file", new { path = "data.json", content = text, encoding = "utf-8" })));
        var list = await _hub.SendAsync(HttpMethod.Get, "/api/models?full=true", null, null, ("Accept-Encoding", "gzip"));
        Assert.Equal(["gzip"], list.Content.Headers.ContentEncoding);
        var file = await _hub.SendAsync(HttpMethod.Get, "/ana/listed-0/resolve/main/data.json", null, null, ("Accept-Encoding", "gzip"));
        Assert.Empty(file.Content.Headers.ContentEncoding);
        Assert.Equal(text.Length, file.Content.Headers.ContentLength);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5000)]
    [InlineData(1_000_000)]
    public async Task A_body_that_comes_in_chunks_is_taken_as_one_that_says_its_length(int size)
    {
        var repo = await _hub.CreateRepoAsync("chunked");
        var bytes = CutFile.Random(size, size);
        var batch = await _hub.PostJsonAsync(
            $"/{repo}.git/info/lfs/objects/batch",
            new { operation = "upload", transfers = new[] { "basic" }, objects = new[] { new { oid = HubServer.Sha256(bytes), size } } },
            _hub.Ana);
        var href = batch.GetProperty("objects")[0].GetProperty("actions").GetProperty("upload").GetProperty("href").GetString()!;
        // What is longer, or shorter, than announced is refused however it comes.
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await PutAsync(href, [.. bytes, 1])).StatusCode);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await PutAsync(href, bytes[..^1])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(href, bytes)).StatusCode);
        await HubServer.JsonOf(await _hub.CommitAsync(repo, _hub.Ana, "x", null, HubServer.Large("a.bin", bytes)));
        Assert.Equal(bytes, await (await _hub.GetAsync($"/{repo}/resolve/main/a.bin")).Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task Parts_and_xorbs_come_in_chunks_too()
    {
        var repo = await _hub.CreateRepoAsync("parts");
        var bytes = CutFile.Random((8 << 20) + 3, 9);
        var batch = await _hub.PostJsonAsync(
            $"/{repo}.git/info/lfs/objects/batch",
            new
            {
                operation = "upload",
                transfers = new[] { "multipart" },
                objects = new[] { new { oid = HubServer.Sha256(bytes), size = bytes.Length } }
            }, _hub.Ana);
        var header = batch.GetProperty("objects")[0].GetProperty("actions").GetProperty("upload").GetProperty("header");
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(header.GetProperty("00001").GetString()!, bytes[..(8 << 20)])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(header.GetProperty("00002").GetString()!, bytes[(8 << 20)..])).StatusCode);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge,
            (await PutAsync(header.GetProperty("00002").GetString()!, bytes[..4])).StatusCode);

        var wire = await XetWire.OpenAsync(_hub.Client, repo, _hub.Ana);
        var file = CutFile.Of(bytes[..300_000]);
        var request = new HttpRequestMessage(HttpMethod.Post,
            $"{wire.Cas}/v1/xorbs/default/{file.Xorb.Hash}")
        {
            Content = new ByteArrayContent(file.XorbBytes),
            Headers = { TransferEncodingChunked = true }
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", wire.AccessToken);
        Assert.Equal(HttpStatusCode.OK, (await _hub.Client.SendAsync(request)).StatusCode);
    }

    Task<HttpResponseMessage> PutAsync(string href, byte[] bytes) =>
        _hub.Client.SendAsync(new HttpRequestMessage(HttpMethod.Put, href)
        {
            Content = new ByteArrayContent(bytes),
            Headers = { TransferEncodingChunked = true }
        });

    [Fact]
    public async Task A_moved_repository_is_found_behind_a_proxy_s_path()
    {
        await using var hub = await HubServer.StartAsync(change: o => o with { PublicUrl = "https://example.org/models/" });
        var repo = await hub.CreateRepoAsync("old");
        await HubServer.JsonOf(await hub.PostAsync("/api/repos/move", new { fromRepo = repo, toRepo = "ana/new" }, hub.Ana));
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new(hub.Address) };
        foreach (var (address, there) in new[] { ($"/{repo}/resolve/main/.gitattributes?x=1",
            "/models/ana/new/resolve/main/.gitattributes?x=1"), ($"/api/models/{repo}", "/models/api/models/ana/new") })
        {
            var answer = await client.GetAsync(address);
            Assert.Equal((HttpStatusCode.TemporaryRedirect, there), (answer.StatusCode, answer.Headers.Location!.OriginalString));
        }
    }

    [Fact]
    public async Task A_proxy_says_how_the_hub_is_called()
    {
        async Task<string> Root(params (string, string)[] headers) =>
            (await HubServer.JsonOf(await _hub.SendAsync(HttpMethod.Post, "/api/repos/create", _hub.Ana,
                JsonContent.Create(new { name = $"r{Guid.NewGuid():N}" }), headers))).GetProperty("url").GetString()!.Split("/ana/")[0];
        Assert.Equal("https://hub.example.org", await Root(("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "hub.example.org")));
        Assert.Equal("https://hub.example.org:8443",
            await Root(("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Host", "hub.example.org:8443, inner")));
        Assert.Equal(_hub.Address, await Root(("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Host", "a b/c")));
        // Its pages may then send forms.
        var sent = await _hub.SendAsync(HttpMethod.Post, "/api/repos/create", _hub.Ana, JsonContent.Create(new { name = "formed" }),
            ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "hub.example.org"), ("Origin", "https://hub.example.org"));
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
        Assert.False(ForwardedAddress.IsNear(IPAddress.Parse("93.184.216.34")));
        Assert.True(ForwardedAddress.IsNear(IPAddress.Parse("::ffff:10.0.0.3")));
    }

    [Theory]
    [InlineData("/health")]
    [InlineData("/")]
    [InlineData("/v1/models")]
    [InlineData("/api/models")]
    [InlineData("/api/models/ana/head")]
    [InlineData("/ana/head/resolve/main/.gitattributes")]
    public async Task What_answers_get_answers_head_without_a_body(string path)
    {
        await _hub.CreateRepoAsync("head");
        var (get, head) = (await _hub.GetAsync(path), await _hub.SendAsync(HttpMethod.Head, path));
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (get.StatusCode, head.StatusCode));
        Assert.Equal(get.Content.Headers.ContentType?.MediaType, head.Content.Headers.ContentType?.MediaType);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("/nowhere/at/all", HttpStatusCode.NotFound)]
    [InlineData("/api/models/ana/nothing", HttpStatusCode.NotFound)]
    [InlineData("/v1/completions", HttpStatusCode.MethodNotAllowed)]
    [InlineData("/api/papers", HttpStatusCode.NotImplemented)]
    public async Task What_does_not_answer_get_does_not_answer_head(string path, HttpStatusCode status)
    {
        var head = await _hub.SendAsync(HttpMethod.Head, path);
        Assert.Equal(status, head.StatusCode);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("GET /health HTTP/1.0\r\n\r\n", " 200 ")]
    [InlineData("HEAD /health HTTP/1.0\r\n\r\n", " 200 ")]
    [InlineData("GET /health HTTP/1.0\r\nHost: evil.example\r\n\r\n", " 403 ")]
    public async Task A_client_of_http_1_0_need_not_say_which_host(string request, string status)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(_hub.Address).Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
        using var answer = new StreamReader(client.GetStream());
        Assert.Contains(status, await answer.ReadLineAsync());
    }

    [Theory]
    [InlineData("file://")]
    [InlineData("file:///home/x.html")]
    [InlineData("null")]
    [InlineData("about:blank")]
    [InlineData("chrome-extension://abc")]
    [InlineData("http://")]
    [InlineData("x")]
    public async Task Pages_from_anywhere_else_are_refused_and_break_nothing(string origin)
    {
        var sent = await _hub.SendAsync(HttpMethod.Post, "/api/repos/create", _hub.Ana,
            JsonContent.Create(new { name = "x" }), ("Origin", origin));
        Assert.Equal(HttpStatusCode.Forbidden, sent.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await _hub.SendAsync(HttpMethod.Get, "/api/models", headers: [("Origin", origin)])).StatusCode);
    }
}
