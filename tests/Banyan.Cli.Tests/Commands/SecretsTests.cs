using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Banyan.Cli.Tests.Faults;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands;

/// <summary>
/// Requests whose tokens, passwords, keys, tickets, links and prompts are marked, right and wrong ones: no mark is in what the server
/// writes, measures, audits, keeps, or answers where something went wrong.
/// </summary>
public sealed class SecretsTests : IDisposable
{
    const string Mark = "Zq7Mark", ApiKey = Mark + "ApiKey";

    const int Few = 300, Many = 5000;

    readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("banyan-secrets-");

    readonly Collector _collector = new();

    public void Dispose()
    {
        _collector.Dispose();
        _data.Delete(recursive: true);
    }

    /// <summary>Takes what is sent to a collector of OTLP, and keeps it.</summary>
    sealed class Collector : IDisposable
    {
        readonly HttpListener _listener = new();
        readonly MemoryStream _received = new();

        public Collector()
        {
            _listener.Prefixes.Add($"http://127.0.0.1:{Port}/");
            _listener.Start();
            _ = TakeAsync();
        }

        public int Port { get; } = HubProcess.FreePort();

        public string Text
        {
            get
            {
                lock (_received)
                    return Encoding.Latin1.GetString(_received.ToArray());
            }
        }

        async Task TakeAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    using var body = new MemoryStream();
                    await context.Request.InputStream.CopyToAsync(body);
                    lock (_received)
                        body.WriteTo(_received);
                    context.Response.ContentType = "application/x-protobuf";
                    context.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
            }
        }

        public void Dispose() => _listener.Close();
    }

    static HttpRequestMessage Send(HttpMethod method, string path, string? authorization = null, HttpContent? content = null,
        params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        if (authorization is not null)
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return request;
    }

    static StringContent Json(object body) => new(body as string ?? JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");

    static string Basic(string password) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"ana:{password}"));

    static HttpRequestMessage Of(int i, string token)
    {
        var mark = string.Create(CultureInfo.InvariantCulture, $"{Mark}{i:D5}");
        var (key, oid) = ($"Bearer {ApiKey}", new string('a', 64));
        return (i % 20) switch
        {
            0 => Send(HttpMethod.Get, "/api/whoami-v2", $"Bearer hf_{mark}"),
            1 => Send(HttpMethod.Get, "/ana/private/resolve/main/x", Basic($"hf_{mark}")),
            2 => Send(HttpMethod.Get, $"/api/models?search=a&token={mark}"),
            3 => Send(HttpMethod.Get, $"/lfs/objects/{oid}?ticket={mark}"),
            4 => Send(HttpMethod.Put, $"/lfs/objects/{oid}?ticket={mark}.{mark}", content: new StringContent(mark)),
            5 => Send(HttpMethod.Get, $"/xet/v1/fetch/{oid}?ticket={mark}"),
            6 => Send(HttpMethod.Post, "/login",
                content: new FormUrlEncodedContent([new("name", $"user{i}"), new("password", mark), new("_token", mark)]),
                headers: ("Cookie", $"banyan_visit={mark}")),
            7 => Send(HttpMethod.Post, "/v1/completions", key,
                Json(new { model = "stories260K", prompt = $"{mark} once", max_tokens = 1 })),
            8 => Send(HttpMethod.Post, "/v1/chat/completions", key,
                Json(new { messages = new[] { new { role = "user", content = mark } }, temperature = "hot" })),
            9 => Send(HttpMethod.Post, "/v1/messages",
                content: Json(new { model = "x", max_tokens = 1, messages = new[] { new { role = "user", content = mark } } }),
                headers: ("x-api-key", mark)),
            10 => Send(HttpMethod.Get, "/ana/private",
                headers: [("Cookie", $"banyan_session={mark}{mark}{mark}"), ("Accept", "text/html")]),
            11 => Send(HttpMethod.Post, "/api/settings/tokens", $"Bearer {token}", Json(new { name = "t", role = "read", days = i })),
            12 => Send(HttpMethod.Post, "/v1/completions", key, Json($"{{\"prompt\": \"{mark}\", \"max_tokens\": {mark}")),
            13 => Send(HttpMethod.Get, "/ana/private.git/info/refs?service=git-upload-pack", Basic(mark)),
            14 => Send(HttpMethod.Get, $"/join?code={mark}", headers: ("Accept", "text/html")),
            15 => Send(HttpMethod.Post, "/v1/completions", $"Bearer {mark}", Json(new { prompt = mark })),
            16 => Send(HttpMethod.Post, "/api/chat", key,
                Json(new { model = "no-such-model", messages = new[] { new { role = "user", content = mark } } })),
            17 => Send(HttpMethod.Post, "/v1/responses", key, Json(new { model = "stories260K", input = mark, max_output_tokens = -1 })),
            18 => Send(HttpMethod.Post, "/ana/private.git/git-receive-pack", Basic(mark), new StringContent(mark)),
            _ => Send(HttpMethod.Post, "/completion", key, Json(new { prompt = mark, n_predict = 1, grammar = "root ::= missing" })),
        };
    }

    static async Task<byte[]> ReadAsync(string path)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        return bytes[..await file.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false)];
    }

    [Fact]
    public async Task Nothing_secret_is_told()
    {
        Directory.CreateDirectory(Path.Combine(_data.FullName, "models"));
        File.Copy(SharedData.Path("models", "stories260K.gguf"), Path.Combine(_data.FullName, "models", "stories260K.gguf"));
        var token = (await Tool.Run(["hub", "user", "add", "ana", "--admin", "--data", _data.FullName])).Output.Trim();
        await using var hub = new HubProcess(_data.FullName, ["--access-log", "--log-addresses", "--log-format", "json"],
            new Dictionary<string, string>
            {
                ["BANYAN_API_KEY"] = ApiKey,
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{_collector.Port}",
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
                ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
            });
        await hub.StartAsync();
        using var client =
            new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new(hub.Address) };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("secrets", "1"));
        using (var made =
            await client.SendAsync(Send(HttpMethod.Post, "/api/repos/create", $"Bearer {token}",
                Json(new { name = "private", @private = true }))))
            Assert.True(made.IsSuccessStatusCode);
        var (secrets, answers, statuses) = (new List<string> { Mark, token }, new StringBuilder(), new HashSet<int>());
        for (var i = 0; i < (Sampled.All ? Many : Few); i++)
        {
            using var request = Of(i, token);
            using var response = await client.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            statuses.Add((int)response.StatusCode);
            if ((int)response.StatusCode >= 400)
                answers.Append(text).Append(response.Headers).Append('\n');
            else if (text.StartsWith("{\"token\":", StringComparison.Ordinal))
                secrets.Add(JsonDocument.Parse(text).RootElement.GetProperty("token").GetString()!);
        }
        Assert.Superset(new HashSet<int> { 200, 400, 401, 403, 404 }, statuses);
        Assert.DoesNotContain(500, statuses);

        async Task<string> Get(string path, string with) =>
            await (await client.SendAsync(Send(HttpMethod.Get, path, $"Bearer {with}"))).Content.ReadAsStringAsync();
        var told = new Dictionary<string, string>
        {
            ["metrics"] = await Get("/metrics", ApiKey),
            ["audit"] = await Get("/api/audit?limit=1000", token),
            ["answers to what went wrong"] = answers.ToString(),
            ["health"] = await Get("/health/ready", ApiKey),
            ["command line"] = await File.ReadAllTextAsync($"/proc/{hub.Id}/cmdline"),
            ["log"] = hub.Said,
        };
        // What a collector hears: spans of requests and generations, and what is measured.
        string Sent() => told["sent by OTLP"] = _collector.Text;
        while (!(Sent().Contains("gen_ai.usage.output_tokens", StringComparison.Ordinal) && Sent()
            .Contains("http.route", StringComparison.Ordinal) && Sent().Contains("http.server.request.duration", StringComparison.Ordinal)
            && Sent().Contains("/lfs/objects/{oid}", StringComparison.Ordinal)
            && Sent().Contains("service.name", StringComparison.Ordinal)))
            await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Contains("gen_ai", told["metrics"]);
        Assert.Contains("token.add", told["audit"]);
        Assert.Contains("/v1/completions", told["log"]);
        // What it keeps is read while it runs: its log of writes is there then.
        foreach (var file in Directory.EnumerateFiles(_data.FullName, "*", SearchOption.AllDirectories)
            .Where(f => f.Contains("hub.db", StringComparison.Ordinal) || f.Contains("log", StringComparison.Ordinal)))
            told[file] = Encoding.Latin1.GetString(await ReadAsync(file));
        var leaks = from place in told
                    from secret in secrets
                    let at = place.Value.IndexOf(secret, StringComparison.Ordinal)
                    where at >= 0
                    select $"{place.Key}: …{place.Value.AsSpan(Math.Max(0, at - 200), Math.Min(place.Value.Length, at + 100) - Math.Max(0, at - 200))}…";
        Assert.Empty(leaks.Take(5));
    }
}
