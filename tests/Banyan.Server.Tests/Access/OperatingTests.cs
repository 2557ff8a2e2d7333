using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Banyan.Server.Operating;
using Banyan.Server.Tests.Support;
using Banyan.Tests;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Access;

/// <summary>What whoever runs a server asks it, and what nobody else is told.</summary>
public sealed partial class OperatingTests
{
    [Fact]
    public async Task What_signing_in_carries_in_addresses_and_forms_is_in_no_log()
    {
        var (log, folder) = (new MemoryStream(), Directory.CreateTempSubdirectory("banyan-log-"));
        await using (var server =
            await TestServer.StartAsync(o => o
                with
            { LogsRequests = true, AccessLog = log, Inference = new(), Hub = new() { DataFolder = folder.FullName } }))
        {
            foreach (var path in new[] { "/oauth/device?user_code=secret", "/oauth/authorize?client_id=secret&state=secret",
                "/login/with/campus?next=/secret", "/login/with/campus/callback?code=secret&state=secret",
                "/login?next=/secret", "/join?code=secret" })
                await server.Client.GetAsync(path);
            foreach (var path in new[] { "/oauth/device", "/oauth/token", "/oauth/revoke", "/oauth/authorize", "/oauth/userinfo", "/login",
                "/login/code", "/login/set-up", "/login/passkey" })
                await server.Client.PostAsync(path,
                    new FormUrlEncodedContent(new[] { "grant_type", "code", "client_id", "client_secret", "device_code", "refresh_token",
                        "token", "ticket", "name", "password", "credential" }.Select(f => KeyValuePair.Create(f, "secret"))));
        }
        folder.Delete(recursive: true);
        var told = Encoding.UTF8.GetString(log.ToArray());
        Assert.Equal(15, told.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Count(l => !l.Contains("/health", StringComparison.Ordinal)));
        Assert.DoesNotContain("secret", told);
    }

    [Fact]
    public async Task A_server_says_what_it_lacks_what_it_measures_and_who_asked()
    {
        var free = long.MaxValue;
        await using var hub = await HubServer.StartAsync(change: o => o with { FreeSpace = () => Volatile.Read(ref free) });
        Assert.Equal("""{"status":"ok"}""", await hub.Client.GetStringAsync("/health/live"));
        var ready = await hub.GetJsonAsync("/health/ready");
        Assert.Equal(("ok", 4),
            (ready.GetProperty("status").GetString(),
                ready.GetProperty("checks").EnumerateObject().Count(c => c.Value.GetString() == "ok")));
        Volatile.Write(ref free, 0);
        var full = await hub.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, full.StatusCode);
        Assert.Contains("free space", JsonDocument.Parse(await full.Content.ReadAsStringAsync()).RootElement.GetProperty("checks")
            .GetProperty("disk").GetString());

        Volatile.Write(ref free, long.MaxValue);
        await hub.CreateRepoAsync("seen");
        await hub.GetAsync("/api/models/ana/seen?token=hf_inTheQuery", hub.Ana);
        await hub.GetAsync("/api/models/nobody/nothing");
        var text = await hub.Client.GetStringAsync("/metrics");
        Assert.Matches("(?m)^http_server_request_duration_seconds_count\\{.*http_route=\"/api/models/.*\\} [1-9]", text);
        Assert.Matches("(?m)^banyan_hub_repositories [1-9]", text);
        Assert.Matches("(?m)^dotnet_process_memory_working_set_bytes [1-9]", text);
        Assert.DoesNotContain("hf_", text);
        Assert.All(text.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches(Line(), line));
        // Buckets never fall, and the last has all.
        foreach (var series in text.Split('\n')
            .Where(l => l.StartsWith("http_server_request_duration_seconds_bucket", StringComparison.Ordinal))
            .GroupBy(l => l[..l.IndexOf("le=", StringComparison.Ordinal)]))
            Assert.Equal(series.Select(Value).Order(), series.Select(Value));

        // What the dashboard and the rules ask for is measured.
        var names = hub.Server.Services.GetRequiredService<Metrics>().Names;
        foreach (var file in new[] { "grafana.json", "alerts.yml" })
        {
            var asked = Asked().Matches(await File.ReadAllTextAsync(Path.Combine(SharedData.Repository, "packaging", file)))
                .Select(m => m.Value).Distinct().ToList();
            Assert.True(asked.Count > 3);
            Assert.All(asked, name => Assert.Contains(Regex.Replace(name, "_(bucket|count|sum)$", ""), names));
        }

        // A proxy on this machine speaks for others; an administrator's token does for itself.
        async Task<HttpStatusCode> Through(string? token) =>
            (await hub.SendAsync(HttpMethod.Get, "/metrics", token, null, ("X-Forwarded-For", "203.0.113.7"))).StatusCode;
        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized), (await Through(null), await Through(hub.Ana)));
        await hub.Accounts.SetAdminAsync("ana", true, default);
        Assert.Equal(HttpStatusCode.OK, await Through(hub.Ana));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_access_log_has_who_and_what_but_no_secret(bool json)
    {
        var log = new MemoryStream();
        string id;
        int length;
        await using (var server =
            await TestServer.StartAsync(o => o with { LogsRequests = true, LogsJson = json, AccessLog = log, ApiKey = "sk-secret" }))
        {
            await server.Client.GetAsync("/health?key=sk-secret");
            await server.Client.GetAsync("/v1/models/sk-secret");
            using var request = new HttpRequestMessage(HttpMethod.Get,
                "/v1/models")
            { Headers = { { "Authorization", "Bearer sk-secret" } } };
            var answer = await server.Client.SendAsync(request);
            length = (await answer.Content.ReadAsByteArrayAsync()).Length;
            id = answer.Headers.GetValues("X-Request-Id").Single();
            using var odd = new HttpRequestMessage(new HttpMethod(new string('X', 3000)), "/health");
            await server.Client.SendAsync(odd);
        }
        // What had gathered when the server ended is there.
        var told = Encoding.UTF8.GetString(log.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.DoesNotContain(told, l => l.Contains("secret", StringComparison.Ordinal)
            || l.Contains("127.0.0.1", StringComparison.Ordinal));
        Assert.Contains(told, l => l.Contains(new string('X', 3000), StringComparison.Ordinal));
        if (json)
        {
            var lines = told.Select(l => JsonDocument.Parse(l).RootElement).ToList();
            var mine = lines.Single(l => l.GetProperty("RequestId").GetString() == id);
            Assert.Equal(("-", "GET", "/v1/models", 200, length),
                (mine.GetProperty("User").GetString(), mine.GetProperty("Method").GetString(), mine.GetProperty("Route").GetString(),
                    mine.GetProperty("Status").GetInt32(), mine.GetProperty("Bytes").GetInt32()));
            Assert.InRange(mine.GetProperty("Timestamp").GetDateTime(), DateTime.UtcNow.AddHours(-1), DateTime.UtcNow.AddHours(1));
        }
        else
        {
            Assert.Contains(told, l => Regex.IsMatch(l, $@"^\d\d:\d\d:\d\d {id} - - GET /v1/models 200 {length} bytes \d+\.\d ms$"));
            Assert.Contains(told, l => l.Contains(" GET /v1/models/{**id} 401 ", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_log_that_is_read_slowly_makes_requests_wait_and_loses_none()
    {
        using var output = new SlowStream();
        using var log = new RequestLog(output, json: false);
        await log.StartAsync(default);
        var line = new RequestLine(new string('i', 200), "-", "-", "GET", "/", 200, 1, 0.1);
        Parallel.For(0, 20_000, _ => log.Write(line));
        await log.StopAsync(default);
        Assert.Equal(20_000, output.Lines);
        Assert.InRange(output.Longest, 1, (1 << 20) + 1024);
    }

    sealed class SlowStream : MemoryStream
    {
        public int Lines { get; private set; }
        public int Longest { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Lines += buffer.Count((byte)'\n');
            Longest = Math.Max(Longest, buffer.Length);
            Thread.Sleep(1);
        }
    }

    static double Value(string line) =>
        double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);

    // A comment, or a name, labels and a number.
    [GeneratedRegex("""^(# (HELP|TYPE) [a-z_:][a-z0-9_:]* .*|[a-z_:][a-z0-9_:]*(\{[a-z_][a-z0-9_]*="([^"\\]|\\.)*"(,[a-z_][a-z0-9_]*="([^"\\]|\\.)*")*\})? -?[0-9.Ee+-]+)$""")]
    private static partial Regex Line();

    [GeneratedRegex(@"\b(http_server|gen_ai_(server|client)|banyan_hub|dotnet|kestrel)_[a-z_]+")]
    private static partial Regex Asked();
}
