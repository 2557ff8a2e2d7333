using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Banyan.Cli.Tests.Faults;

/// <summary>Clients that want to wear a hub out: each gets its answer, others are served meanwhile, and the process does not grow.</summary>
public sealed class HostileClientTests : IAsyncLifetime
{
    const long Gigabyte = 1L << 30;

    /// <summary>What all of them together may make the process grow by.</summary>
    const long MostGrowth = 200L << 20;

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-hostile-");
    HubProcess _hub = null!;
    HttpClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "memory is read from /proc");
        _hub = new HubProcess(_folder.FullName, [], new Dictionary<string, string>());
        Assert.Equal(0, (await Tool.Run(["hub", "user", "add", "ana", "--data", _folder.FullName])).ExitCode);
        var token = (await Tool.Run(["hub", "token", "add", "ana", "--data", _folder.FullName])).Output.Trim();
        await _hub.StartAsync();
        _client = new HttpClient { BaseAddress = new(_hub.Address), DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
        using var user = new HubUser(_hub.Address, token, "ana/m");
        await user.CreateRepoAsync(default);
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_hub is not null)
            await _hub.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Endless_deep_and_slow_requests_are_refused_and_leave_memory_flat()
    {
        await AssertServesAsync();
        var before = _hub.PeakMemory;

        // A gigabyte where an object of a few lines belongs, announced and not.
        await AssertRefusedAsync("/api/repos/create", Endless("{\"name\": \"", 'a', Gigabyte), HttpStatusCode.RequestEntityTooLarge);
        await AssertRefusedAsync("/api/models/ana/m/preupload/main", Endless("{\"files\": [", ' ', Gigabyte), HttpStatusCode.RequestEntityTooLarge);
        // One line of a commit, and a line too many of small ones.
        await AssertRefusedAsync("/api/models/ana/m/commit/main", Endless("{\"key\": \"file\", \"value\": {\"path\": \"a\", \"content\": \"", 'A', Gigabyte), HttpStatusCode.RequestEntityTooLarge);
        await AssertRefusedAsync("/api/models/ana/m/commit/main", Lines(200_000), HttpStatusCode.BadRequest, HttpStatusCode.RequestEntityTooLarge, HttpStatusCode.UnprocessableEntity);
        // JSON in itself 400,000 times, and folders 10,000 deep.
        await AssertRefusedAsync("/api/repos/create", new StringContent(new string('[', 400_000)), HttpStatusCode.BadRequest);
        var deep = string.Join('/', Enumerable.Repeat("d", 10_000));
        await AssertRefusedAsync("/api/models/ana/m/commit/main", Commit(deep), HttpStatusCode.BadRequest, HttpStatusCode.UnprocessableEntity);
        Assert.True((int)(await _client.GetAsync($"/api/models/ana/m/tree/main/{deep}")).StatusCode is 400 or 404 or 414 or 422);
        Assert.True((int)(await _client.GetAsync($"/ana/m/resolve/main/{string.Join('/', Enumerable.Repeat("d", 3_000))}")).StatusCode is 400 or 404 or 414 or 422);

        // Headers without end.
        Assert.Contains(" 431 ", await RawAsync("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n" + string.Concat(Enumerable.Range(0, 10_000).Select(i => $"X-{i}: a\r\n")) + "\r\n"));
        Assert.Contains(" 431 ", await RawAsync($"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: {new string('a', 1 << 20)}\r\n\r\n"));

        // Bodies that come a byte at a time: 100 at once, all let go, and others served meanwhile.
        var slow = Enumerable.Range(0, 100).Select(_ => SlowAsync()).ToArray();
        while (!slow.All(s => s.IsCompleted))
        {
            await AssertServesAsync();
            await Task.WhenAny(Task.WhenAll(slow), Task.Delay(200));
        }
        await Task.WhenAll(slow);

        await AssertServesAsync();
        var growth = _hub.PeakMemory - before;
        Assert.True(growth < MostGrowth, $"the process grew by {growth >> 20} MiB");
        // Nothing of it is there.
        var (code, output, _) = await Tool.Run(["fsck", "--data", _folder.FullName]);
        Assert.Equal(0, code);
        Assert.Contains("all as it should be", output);
        using var commits = JsonDocument.Parse(await _client.GetStringAsync("/api/models/ana/m/commits/main"));
        Assert.Equal(1, commits.RootElement.GetArrayLength());
    }

    async Task AssertServesAsync() => Assert.Equal(HttpStatusCode.OK, (await _client.GetAsync("/api/models/ana/m/tree/main")).StatusCode);

    /// <summary>The status, or the connection closed while the client still sends.</summary>
    async Task AssertRefusedAsync(string path, HttpContent content, params HttpStatusCode[] statuses)
    {
        try
        {
            var response = await _client.PostAsync(path, content);
            Assert.Contains(response.StatusCode, statuses);
        }
        catch (HttpRequestException e) when (e.InnerException is IOException or SocketException)
        {
            // It did not read on.
        }
    }

    static StreamContent Endless(string start, char then, long length) => new(new Repeating(Encoding.ASCII.GetBytes(start), [(byte)then], length));

    static StreamContent Lines(int count)
    {
        var line = "{\"key\": \"deletedFile\", \"value\": {\"path\": \"a\"}}\n"u8.ToArray();
        return new(new Repeating("{\"key\": \"header\", \"value\": {\"summary\": \"s\"}}\n"u8.ToArray(), line, (long)line.Length * count));
    }

    static StringContent Commit(string path) => new($$$"""
        {"key": "header", "value": {"summary": "s"}}
        {"key": "file", "value": {"path": "{{{path}}}", "content": "YQ==", "encoding": "base64"}}

        """);

    async Task<string> RawAsync(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(_hub.Address).Port);
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

    /// <summary>Announces a megabyte and sends a byte now and then; ends when the server lets go.</summary>
    async Task SlowAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(_hub.Address).Port, patience.Token);
        var stream = client.GetStream();
        var authorization = _client.DefaultRequestHeaders.Authorization;
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /api/models/ana/m/commit/main HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\nContent-Length: 1000000\r\n\r\n"), patience.Token);
        var closed = stream.ReadAsync(new byte[4096], patience.Token).AsTask();
        try
        {
            while (!closed.IsCompleted)
            {
                await stream.WriteAsync("{"u8.ToArray(), patience.Token);
                await Task.WhenAny(closed, Task.Delay(500, patience.Token));
            }
            await closed;
        }
        catch (IOException)
        {
            // Reset: let go as well.
        }
    }

    /// <summary>A start, then the same bytes over and over.</summary>
    sealed class Repeating(byte[] start, byte[] again, long length) : Stream
    {
        long _at;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => _at; set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            var take = (int)Math.Min(buffer.Length, start.Length + length - _at);
            for (var i = 0; i < take; i++, _at++)
                buffer[i] = _at < start.Length ? start[_at] : again[(_at - start.Length) % again.Length];
            return take;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
