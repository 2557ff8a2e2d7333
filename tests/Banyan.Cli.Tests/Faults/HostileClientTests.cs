using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Banyan.Cli.Tests.Faults;

/// <summary>
/// Clients that want to wear a hub out: each gets its answer, others are served meanwhile, and the process does not grow.
/// </summary>
public sealed class HostileClientTests : IAsyncLifetime
{
    const long Gigabyte = 1L << 30;

    /// <summary>What all of them together may make the process grow by.</summary>
    const long MostGrowth = 200L << 20;

    readonly HostileHub _hub = new();

    public async ValueTask InitializeAsync() => await _hub.StartAsync();

    public ValueTask DisposeAsync() => _hub.DisposeAsync();

    HttpClient Client => _hub.Client;

    [Fact]
    public async Task Endless_deep_and_slow_requests_are_refused_and_leave_memory_flat()
    {
        await _hub.FlatAsync("endless, deep and slow requests", MostGrowth, AttackAsync);
        // Nothing of it is there.
        await _hub.AssertCleanAsync();
        using var commits = JsonDocument.Parse(await Client.GetStringAsync("/api/models/ana/m/commits/main"));
        Assert.Equal(1, commits.RootElement.GetArrayLength());
    }

    async Task AttackAsync()
    {
        // A gigabyte where an object of a few lines belongs, announced and not.
        await AssertRefusedAsync("/api/repos/create", HostileHub.Endless("{\"name\": \"", 'a', Gigabyte),
            HttpStatusCode.RequestEntityTooLarge);
        await AssertRefusedAsync("/api/models/ana/m/preupload/main", HostileHub.Endless("{\"files\": [", ' ', Gigabyte),
            HttpStatusCode.RequestEntityTooLarge);
        // One line of a commit, and a line too many of small ones.
        await AssertRefusedAsync("/api/models/ana/m/commit/main",
            HostileHub.Endless("{\"key\": \"file\", \"value\": {\"path\": \"a\", \"content\": \"", 'A', Gigabyte),
            HttpStatusCode.RequestEntityTooLarge);
        await AssertRefusedAsync("/api/models/ana/m/commit/main", Lines(200_000), HttpStatusCode.BadRequest,
            HttpStatusCode.RequestEntityTooLarge, HttpStatusCode.UnprocessableEntity);
        // JSON in itself 400,000 times, and folders 10,000 deep.
        await AssertRefusedAsync("/api/repos/create", new StringContent(new string('[', 400_000)), HttpStatusCode.BadRequest);
        var deep = string.Join('/', Enumerable.Repeat("d", 10_000));
        await AssertRefusedAsync("/api/models/ana/m/commit/main", Commit(deep), HttpStatusCode.BadRequest,
            HttpStatusCode.UnprocessableEntity);
        Assert.True((int)(await Client.GetAsync($"/api/models/ana/m/tree/main/{deep}")).StatusCode is 400 or 404 or 414 or 422);
        Assert.True((int)(await Client.GetAsync($"/ana/m/resolve/main/{string.Join('/', Enumerable.Repeat("d", 3_000))}")).StatusCode
            is 400 or 404 or 414 or 422);

        // Headers without end.
        Assert.Contains(" 431 ",
            await RawAsync("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                + string.Concat(Enumerable.Range(0, 10_000).Select(i => $"X-{i}: a\r\n")) + "\r\n"));
        Assert.Contains(" 431 ", await RawAsync($"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: {new string('a', 1 << 20)}\r\n\r\n"));

        // Bodies that come a byte at a time: 100 at once, all let go, and others served meanwhile.
        var slow = Enumerable.Range(0, 100).Select(_ => _hub.SlowAsync("POST", "/api/models/ana/m/commit/main", _hub.Token)).ToArray();
        while (!slow.All(s => s.IsCompleted))
        {
            await _hub.AssertServesAsync();
            await Task.WhenAny(Task.WhenAll(slow), Task.Delay(200));
        }
        await Task.WhenAll(slow);
    }

    Task AssertRefusedAsync(string path, HttpContent content, params HttpStatusCode[] statuses) =>
        HostileHub.RefusedAsync(Client, HttpMethod.Post, path, content, statuses);

    static StreamContent Lines(int count)
    {
        var line = "{\"key\": \"deletedFile\", \"value\": {\"path\": \"a\"}}\n"u8.ToArray();
        return new(new RepeatingStream("{\"key\": \"header\", \"value\": {\"summary\": \"s\"}}\n"u8.ToArray(), line,
            (long)line.Length * count));
    }

    static StringContent Commit(string path) => new($$$"""
        {"key": "header", "value": {"summary": "s"}}
        {"key": "file", "value": {"path": "{{{path}}}", "content": "YQ==", "encoding": "base64"}}

        """);

    async Task<string> RawAsync(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(_hub.Process.Address).Port);
        var stream = client.GetStream();
        var bytes = new byte[4096];
        var answer = stream.ReadAsync(bytes).AsTask();
        try
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        }
        catch (IOException)
        {
            // It has heard enough.
        }
        return Encoding.ASCII.GetString(bytes, 0, await answer);
    }
}
