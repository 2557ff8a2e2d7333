using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Banyan.Server.Operating;
using Banyan.Server.Tests.Support;
using Banyan.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Tests.Access;

/// <summary>What whoever runs a server asks it, and what nobody else is told.</summary>
public sealed partial class OperatingTests
{
    [Fact]
    public async Task A_server_says_what_it_lacks_what_it_measures_and_who_asked()
    {
        var free = long.MaxValue;
        await using var hub = await HubServer.StartAsync(change: o => o with { FreeSpace = () => Volatile.Read(ref free) });
        using var lines = new Lines();
        hub.Server.Services.GetRequiredService<ILoggerFactory>().AddProvider(lines);

        Assert.Equal("""{"status":"ok"}""", await hub.Client.GetStringAsync("/health/live"));
        var ready = await hub.GetJsonAsync("/health/ready");
        Assert.Equal(("ok", 4), (ready.GetProperty("status").GetString(), ready.GetProperty("checks").EnumerateObject().Count(c => c.Value.GetString() == "ok")));
        Volatile.Write(ref free, 0);
        var full = await hub.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, full.StatusCode);
        Assert.Contains("free space", JsonDocument.Parse(await full.Content.ReadAsStringAsync()).RootElement.GetProperty("checks").GetProperty("disk").GetString());

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
        foreach (var series in text.Split('\n').Where(l => l.StartsWith("http_server_request_duration_seconds_bucket", StringComparison.Ordinal)).GroupBy(l => l[..l.IndexOf("le=", StringComparison.Ordinal)]))
            Assert.Equal(series.Select(Value).Order(), series.Select(Value));

        // What the dashboard and the rules ask for is measured.
        var names = hub.Server.Services.GetRequiredService<Metrics>().Names;
        foreach (var file in new[] { "grafana.json", "alerts.yml" })
        {
            var asked = Asked().Matches(await File.ReadAllTextAsync(Path.Combine(SharedData.Repository, "packaging", file))).Select(m => m.Value).Distinct().ToList();
            Assert.True(asked.Count > 3);
            Assert.All(asked, name => Assert.Contains(Regex.Replace(name, "_(bucket|count|sum)$", ""), names));
        }

        // A proxy on this machine speaks for others; an administrator's token does for itself.
        async Task<HttpStatusCode> Through(string? token) => (await hub.SendAsync(HttpMethod.Get, "/metrics", token, null, ("X-Forwarded-For", "203.0.113.7"))).StatusCode;
        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized), (await Through(null), await Through(hub.Ana)));
        await hub.Accounts.SetAdminAsync("ana", true, default);
        Assert.Equal(HttpStatusCode.OK, await Through(hub.Ana));
        Assert.Empty(lines.Told);
    }

    [Fact]
    public async Task The_access_log_has_who_and_what_but_no_secret()
    {
        using var lines = new Lines();
        await using var server = await TestServer.StartAsync(o => o with { LogsRequests = true, ApiKey = "sk-secret" });
        server.Services.GetRequiredService<ILoggerFactory>().AddProvider(lines);
        await server.Client.GetAsync("/health?key=sk-secret");
        await server.Client.GetAsync("/v1/models/sk-secret");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models") { Headers = { { "Authorization", "Bearer sk-secret" } } };
        var answer = await server.Client.SendAsync(request);
        var length = (await answer.Content.ReadAsByteArrayAsync()).Length;
        var id = answer.Headers.GetValues("X-Request-Id").Single();
        await server.UntilAsync(() => Task.FromResult(lines.Told.Any(l => l.StartsWith(id, StringComparison.Ordinal))));
        Assert.Contains(lines.Told, l => l.StartsWith($"{id} - - GET /v1/models 200 {length} bytes", StringComparison.Ordinal));
        Assert.Contains(lines.Told, l => l.Contains(" GET /v1/models/{**id} 401 ", StringComparison.Ordinal));
        Assert.DoesNotContain(lines.Told, l => l.Contains("secret", StringComparison.Ordinal) || l.Contains("127.0.0.1", StringComparison.Ordinal));
    }

    static double Value(string line) => double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);

    // A comment, or a name, labels and a number.
    [GeneratedRegex("""^(# (HELP|TYPE) [a-z_:][a-z0-9_:]* .*|[a-z_:][a-z0-9_:]*(\{[a-z_][a-z0-9_]*="([^"\\]|\\.)*"(,[a-z_][a-z0-9_]*="([^"\\]|\\.)*")*\})? -?[0-9.Ee+-]+)$""")]
    private static partial Regex Line();

    [GeneratedRegex(@"\b(http_server|gen_ai_(server|client)|banyan_hub|dotnet|kestrel)_[a-z_]+")]
    private static partial Regex Asked();

    /// <summary>Keeps the lines of the access log.</summary>
    sealed class Lines : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Told { get; } = new();
        public ILogger CreateLogger(string categoryName) => categoryName == "Banyan.Access" ? this : Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public bool IsEnabled(LogLevel logLevel) => true;
        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Told.Enqueue(formatter(state, exception));
        public void Dispose() { }
    }
}
