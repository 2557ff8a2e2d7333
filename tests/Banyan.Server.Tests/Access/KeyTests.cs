using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Keys;
using Banyan.Server.Tests.Maintenance;
using Banyan.Server.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Banyan.Server.Tests.Access;

/// <summary>API keys of a file: made and ended while the server runs, held against their limits, with what they were used for.</summary>
public sealed class KeyTests : IDisposable
{
    const string Chat = "/v1/chat/completions";

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-keys-");

    string Path => System.IO.Path.Combine(_folder.FullName, "keys.json");

    KeyFile File => new(Path);

    public void Dispose() => _folder.Delete(recursive: true);

    Task<TestServer> StartAsync(TimeProvider? clock = null) =>
        TestServer.StartAsync(o => o with { KeysFile = Path, Clock = clock ?? TimeProvider.System });

    string Add(string name, Func<ApiKey, ApiKey>? limit = null)
    {
        var key = new ApiKey { Name = name, Hash = "" };
        return File.Add(limit?.Invoke(key) ?? key);
    }

    static async Task<HttpResponseMessage> AskAsync(TestServer server, string? key, string path = Chat, object? body = null,
        string header = "Authorization")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content =
                JsonContent.Create(body ?? new
                {
                    messages = (object[])[new { role = "user", content = "a" }],
                    max_tokens = 3,
                    ignore_eos = true,
                    temperature = 0,
                    stream = false,
                    max_output_tokens = 3,
                    input = "a",
                    model = TestServer.Stories
                }),
        };
        if (key is not null)
            request.Headers.Add(header, header == "Authorization" ? $"Bearer {key}" : key);
        return await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    static async Task<HttpStatusCode> StatusAsync(TestServer server, string? key) => (await AskAsync(server, key)).StatusCode;

    [Fact]
    public async Task Keys_come_and_go_while_the_server_runs()
    {
        await using var server = await StartAsync();
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, null));
        var (ana, bo) = (Add("ana"), Add("bo"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, null));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, ana + "0"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, ana));
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(server, bo, "/v1/messages", header: "x-api-key")).StatusCode);
        Assert.DoesNotContain(ana, System.IO.File.ReadAllText(Path));
        Assert.Throws<KeyFileException>(() => Add("ANA"));
        File.Remove("ana");
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, ana));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, bo));
        // What cannot be read changes nothing, and opens nothing.
        var good = System.IO.File.ReadAllText(Path);
        System.IO.File.WriteAllText(Path, "{\"keys\": [{\"name\": 3}]}");
        Assert.Equal([HttpStatusCode.Unauthorized, HttpStatusCode.OK], [await StatusAsync(server, ana), await StatusAsync(server, bo)]);
        Assert.Contains(Path, Assert.Single(new ServerOptions { KeysFile = Path }.Problems()));
        System.IO.File.WriteAllText(Path, good);
        File.Remove("bo");
        Assert.Equal([HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized],
            [await StatusAsync(server, null), await StatusAsync(server, bo)]);
        System.IO.File.Delete(Path);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, null));
        // The playground's form asks as well.
        Assert.Equal(HttpStatusCode.Unauthorized,
            (await server.Client.PostAsync("/", new FormUrlEncodedContent([new("text", "a"), new("key", bo)]))).StatusCode);
    }

    [Fact]
    public async Task One_key_leaves_room_in_the_queue_to_others()
    {
        var (ana, bo) = (Add("ana"), Add("bo"));
        await using var server =
            await TestServer.StartAsync(o => o with { KeysFile = Path, Inference = o.Inference with { MaxPending = 8 } });
        object Endless(int n) => new { model = TestServer.Coder, prompt = "a", n, max_tokens = 100_000, ignore_eos = true, stream = true };
        using (var flood = await AskAsync(server, ana, "/v1/completions", Endless(6)))
        {
            Assert.Equal(HttpStatusCode.OK, flood.StatusCode);
            using var more = await AskAsync(server, ana, "/v1/completions", Endless(1));
            Assert.Equal(HttpStatusCode.TooManyRequests, more.StatusCode);
            using var other = await AskAsync(server, bo, "/v1/completions",
                new { model = TestServer.Coder, prompt = "a", max_tokens = 2, n = 2 });
            Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        }
        var patience = DateTime.UtcNow.AddSeconds(30);
        while ((await AskAsync(server, ana, "/v1/completions",
            new { model = TestServer.Coder, prompt = "a", max_tokens = 1, n = 6 })).StatusCode == HttpStatusCode.TooManyRequests
                && DateTime.UtcNow < patience)
            await Task.Delay(10);
    }

    [Fact]
    public async Task A_limit_is_told_as_each_api_tells_it_and_use_is_kept()
    {
        var one = Add("one", k => k with { RequestsPerMinute = 1 });
        var day = Add("day", k => k with { TokensPerDay = 5 });
        var few = Add("few", k => k with { Concurrency = 1 });
        await using (var server = await StartAsync(new TestClock(still: true)))
        {
            var answer = await (await AskAsync(server, one)).Content.ReadFromJsonAsync<JsonNode>();
            foreach (var (path, error) in ((string, string)[])[(Chat, "error.code"), ("/v1/responses", "error.code"),
                ("/v1/messages", "error.type"), ("/api/chat", "error"), ("/tokenize", "error.code")])
            {
                using var refused = await AskAsync(server, one, path);
                Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
                Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
                var told = error.Split('.')
                    .Aggregate(await refused.Content.ReadFromJsonAsync<JsonNode>(), (node, name) => node![name])!.ToString();
                Assert.Contains("rate_limit", error == "error"
                    ? told.Replace("1 requests a minute", "rate_limit", StringComparison.Ordinal) : told);
            }
            using var models = new HttpRequestMessage(HttpMethod.Get, "/v1/models") { Headers = { { "Authorization", $"Bearer {one}" } } };
            Assert.Equal(HttpStatusCode.OK, (await server.Client.SendAsync(models)).StatusCode);

            Assert.Equal([HttpStatusCode.OK, HttpStatusCode.TooManyRequests],
                [await StatusAsync(server, day), await StatusAsync(server, day)]);

            // Where this test waits long for a processor, the stream may be at its end before somebody else asks: then once more.
            var answered = 0L;
            for (var status = HttpStatusCode.OK; status == HttpStatusCode.OK
                && answered < 40; answered += status == HttpStatusCode.OK ? 2 : 1)
            {
                using var streamed = await AskAsync(server, few,
                    body: new
                    {
                        messages = (object[])[new { role = "user", content = "a" }],
                        max_tokens = 2000,
                        stream = true,
                        ignore_eos = true
                    });
                await using var stream = await streamed.Content.ReadAsStreamAsync();
                Assert.True(await stream.ReadAtLeastAsync(new byte[1], 1) > 0);
                status = await StatusAsync(server, few);
                Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(server, null));
            }
            Assert.True(answered % 2 == 1, "nobody was refused beside a stream");
            // Whoever leaves makes room, and what was answered up to there is counted.
            await server.UntilAsync(async () => await StatusAsync(server, few) == HttpStatusCode.OK);
            var text = await server.Client.GetStringAsync("/metrics");
            Assert.Contains("banyan_key_requests_total{key=\"one\"} 1\n", text);
            await server.DisposeAsync();
            var usage = File.ReadUsage();
            var said = answer!["usage"]!;
            Assert.Equal((1L, (long)said["prompt_tokens"]!, 3L),
                (usage["one"].Requests, usage["one"].PromptTokens, usage["one"].AnswerTokens));
            Assert.Equal(answered + 1, usage["few"].Requests);
            Assert.InRange(usage["few"].AnswerTokens, 4, 2003 * answered);
        }
        // The day goes on after a restart.
        await using var again = await StartAsync();
        using var later = await AskAsync(again, day);
        Assert.Equal(HttpStatusCode.TooManyRequests, later.StatusCode);
        Assert.InRange(later.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 86400);
    }

    [Fact]
    public void A_minute_and_a_day_end()
    {
        var texts = (Add("a", k => k with { RequestsPerMinute = 2, TokensPerMinute = 100 }), Add("b", k => k with { TokensPerDay = 100 }));
        var clock = new TestClock();
        clock.Ahead = DateTime.UtcNow.Date.AddHours(36) - DateTime.UtcNow;   // noon, tomorrow
        using var keys = new ApiKeys(new() { KeysFile = Path }, clock, NullLogger<ApiKeys>.Instance);
        var (a, b) = (keys.Find(texts.Item1)!, keys.Find(texts.Item2)!);
        a.Begin().Dispose();
        a.Begin().Dispose();
        Refused(a, "2 requests a minute");
        clock.Ahead += TimeSpan.FromSeconds(61);
        a.Begin().Dispose();
        a.Count(90, 10);
        Refused(a, "100 tokens a minute");
        clock.Ahead += TimeSpan.FromSeconds(61);
        a.Begin().Dispose();
        b.Count(100, 0);
        clock.Ahead += TimeSpan.FromHours(11);
        Refused(b, "100 tokens a day");
        // Another server of the same keys counts with this one.
        keys.Save();
        using var other = new ApiKeys(new() { KeysFile = Path }, clock, NullLogger<ApiKeys>.Instance);
        keys.Save();
        Assert.Equal(100, File.ReadUsage()["b"].TokensOfDay);
        Assert.Equal((4L, 90L, 10L), File.ReadUsage()["a"] is var used ? (used.Requests, used.PromptTokens, used.AnswerTokens) : default);
        clock.Ahead += TimeSpan.FromHours(1);
        b.Begin().Dispose();

        static void Refused(KeyHolder holder, string why) =>
            Assert.Contains(why, Assert.ThrowsAny<Exception>(() => holder.Begin()).Message, StringComparison.Ordinal);
    }
}
