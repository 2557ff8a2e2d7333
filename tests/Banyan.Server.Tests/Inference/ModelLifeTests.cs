using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Banyan.Runtime.Models;
using Banyan.Server.Inference;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Inference;

/// <summary>
/// Models that come and go: within a budget of memory, after their time, when they are told to; names they are asked for by.
/// </summary>
public class ModelLifeTests
{
    const string Llama = "llama-tiny-F16", Third = "qwen3-tiny-F16";

    static string PathOf(string model) => SharedData.Path("models", $"{model}.gguf");

    static Task<TestServer> StartAsync(Func<InferenceOptions, InferenceOptions> change) =>
        TestServer.StartAsync(o =>
            o with { Inference = change(o.Inference with { Models = [PathOf(TestServer.Stories), PathOf(Llama), PathOf(Third)] }) });

    static async Task<string[]> ReadyAsync(TestServer server) =>
        [.. (await server.Client.GetFromJsonAsync<JsonElement>("/status")).GetProperty("models").EnumerateArray()
            .Where(m => m.GetProperty("state").GetString() == "ready").Select(m => m.GetProperty("name").GetString()!)];

    static Task<JsonElement> AskAsync(TestServer server, string model, int tokens = 2) =>
        server.PostJsonAsync("/v1/completions", new { model, prompt = "a", max_tokens = tokens, temperature = 0, ignore_eos = true });

    [Fact]
    public async Task A_model_takes_the_place_of_the_one_that_was_longest_unused()
    {
        static long Weights(string model)
        {
            using var loaded = Model.Load(PathOf(model), new ModelOptions { Threads = 1, Activations = ActivationFormat.Float });
            return loaded.WeightBytes;
        }
        // Before it is loaded, a model counts as its file.
        var budget = Weights(TestServer.Stories) + Weights(Llama) + new FileInfo(PathOf(Third)).Length - 1;
        await using var server = await StartAsync(o => o with { MemoryBytes = budget });
        var first = (await AskAsync(server, TestServer.Stories, 8)).GetProperty("choices")[0].GetProperty("text").GetString();
        await AskAsync(server, Llama);
        await AskAsync(server, TestServer.Stories);
        await AskAsync(server, Third);
        Assert.DoesNotContain(Llama, await ReadyAsync(server));
        Assert.Contains(Third, await ReadyAsync(server));
        // Those that went come back, and answer as before; many at once among them.
        await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            var answer = await server.PostAsync("/v1/completions",
                new
                {
                    model = (i % 3) switch { 0 => TestServer.Stories, 1 => Llama, _ => Third },
                    prompt = "a",
                    max_tokens = 8,
                    temperature = 0,
                    ignore_eos = true
                });
            Assert.True(answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable,
                await answer.Content.ReadAsStringAsync());
        }));
        Assert.Equal(first, (await AskAsync(server, TestServer.Stories, 8)).GetProperty("choices")[0].GetProperty("text").GetString());
    }

    [Fact]
    public async Task What_is_larger_than_the_budget_is_refused_and_what_is_in_use_stays()
    {
        var (stories, llama) = (new FileInfo(PathOf(TestServer.Stories)).Length, new FileInfo(PathOf(Llama)).Length);
        Assert.True(stories < llama);
        await using var server = await StartAsync(o => o with { MemoryBytes = Math.Max(stories, 20_000) });
        var refused = await server.PostAsync("/v1/completions", new { model = Llama, prompt = "a" });
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("--memory", await refused.Content.ReadAsStringAsync());
        Assert.Equal([TestServer.Stories], await ReadyAsync(server));
    }

    [Fact]
    public async Task A_model_goes_after_its_time_and_when_it_is_told_to()
    {
        await using var server = await StartAsync(o => o);
        Assert.Equal("load",
            (await server.PostJsonAsync("/api/generate", new { model = Llama, keep_alive = "10m" })).GetProperty("done_reason")
                .GetString());
        var expires = (await server.Client.GetFromJsonAsync<JsonElement>("/api/ps")).GetProperty("models").EnumerateArray()
            .ToDictionary(m => m.GetProperty("name").GetString()!, m => m.GetProperty("expires_at").GetDateTimeOffset());
        Assert.InRange(expires[Llama], DateTimeOffset.UtcNow.AddMinutes(9), DateTimeOffset.UtcNow.AddMinutes(11));
        Assert.True(expires[TestServer.Stories] > DateTimeOffset.UtcNow.AddYears(1));

        // With its answer, and at once.
        await server.PostJsonAsync("/api/generate",
            new { model = Llama, prompt = "a", raw = true, stream = false, options = new { num_predict = 1 }, keep_alive = 0 });
        await server.UntilAsync(async () => !(await ReadyAsync(server)).Contains(Llama));
        await AskAsync(server, TestServer.Stories);
        Assert.Equal("unload",
            (await server.PostJsonAsync("/api/chat",
                new { model = TestServer.Stories, messages = Array.Empty<object>(), keep_alive = 0 })).GetProperty("done_reason")
                    .GetString());
        Assert.DoesNotContain(TestServer.Stories, await ReadyAsync(server));
        // The server is well without it: whoever asks for it has it loaded.
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/health")).StatusCode);
        Assert.Contains("keep_alive",
            await (await server.PostAsync("/api/generate",
                new { model = Llama, prompt = "a", keep_alive = "soon" })).Content.ReadAsStringAsync());

        Assert.True((await server.PostJsonAsync("/models/load", new { model = Third })).GetProperty("success").GetBoolean());
        Assert.Contains(Third, await ReadyAsync(server));
        Assert.True((await server.PostJsonAsync("/models/unload", new { model = Third })).GetProperty("success").GetBoolean());
        Assert.DoesNotContain(Third, await ReadyAsync(server));
        Assert.Contains("model_not_loaded",
            await (await server.PostAsync("/models/unload", new { model = Third })).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Aliases_and_settings_of_a_model()
    {
        await using var server = await StartAsync(o => o with
        {
            Settings = new Dictionary<string, ModelSettings>
            {
                [Llama] = new() { Aliases = ["gpt-4o", "claude-*"], ContextLength = 64, Temperature = 0, KvCache = KvFormat.F16 },
                [Third] = new() { Aliases = ["claude-opus-*", "*"] },
            },
        });
        foreach (var (asked, served) in ((string, string)[])[("gpt-4o", Llama), ("GPT-4o", Llama), ("claude-sonnet-5", Llama),
            ("claude-opus-5", Third), ("anything", Third), (TestServer.Stories, TestServer.Stories)])
            Assert.Equal(served, (await AskAsync(server, asked)).GetProperty("model").GetString());
        Assert.Equal(Llama,
            (await server.PostJsonAsync("/v1/messages",
                new { model = "claude-haiku", max_tokens = 1, messages = (object[])[new { role = "user", content = "a" }] })).GetProperty(
                    "model").GetString());
        Assert.Equal(64, (await server.Client.GetFromJsonAsync<JsonElement>("/v1/models/gpt-4o")).GetProperty("meta")
            .GetProperty("n_ctx").GetInt32());
        // Names are listed, with the model that answers to them; patterns are none.
        var listed = (await server.Client.GetFromJsonAsync<JsonElement>("/v1/models")).GetProperty("data").EnumerateArray().ToList();
        Assert.Equal([TestServer.Stories, Llama, Third, "gpt-4o"], listed.Select(m => m.GetProperty("id").GetString()));
        Assert.Equal(Llama, listed[^1].GetProperty("root").GetString());
        var tag = (await server.Client.GetFromJsonAsync<JsonElement>("/api/tags")).GetProperty("models").EnumerateArray().Last();
        Assert.Equal(("gpt-4o", Llama),
            (tag.GetProperty("name").GetString(), tag.GetProperty("details").GetProperty("parent_model").GetString()));
        // Greedy where the request does not say.
        async Task<string?> Text() =>
            (await server.PostJsonAsync("/v1/completions", new { model = Llama, prompt = "a", max_tokens = 6 })).GetProperty(
                "choices")[0].GetProperty("text").GetString();
        Assert.Equal(await Text(), await Text());
    }

    [Fact]
    public async Task A_changed_file_of_settings_holds_without_a_restart_and_breaks_no_stream()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("banyan-settings-").FullName, "banyan.toml");
        File.WriteAllText(file, "");
        IReadOnlyDictionary<string, ModelSettings> settings = new Dictionary<string, ModelSettings>();
        await using var server =
            await StartAsync(o => o with
            {
                SettingsFile = file,
                ReadSettings = () => new FileInfo(file).Length == 3 ? throw new InvalidOperationException("wrong") : settings
            });
        void Change(string text, ModelSettings model)
        {
            settings = new Dictionary<string, ModelSettings> { [TestServer.Stories] = model };
            File.WriteAllText(file, text);
        }
        async Task<int> ContextAsync() => (await server.Client.GetFromJsonAsync<JsonElement>($"/v1/models/{TestServer.Stories}"))
            is var entry && entry.TryGetProperty("meta", out var meta) ? meta.GetProperty("n_ctx").GetInt32() : 0;
        async Task<HttpStatusCode> AliasAsync() =>
            (await server.PostAsync("/v1/completions", new { model = "gpt-4o", prompt = "a", max_tokens = 1 })).StatusCode;
        Assert.Equal(HttpStatusCode.NotFound, await AliasAsync());
        using (var streamed =
            await server.Client.SendAsync(new(HttpMethod.Post,
                "/v1/completions")
            {
                Content =
                    JsonContent.Create(new
                    {
                        model = TestServer.Stories,
                        prompt = "a",
                        max_tokens = 1500,
                        ignore_eos = true,
                        stream = true
                    })
            }, HttpCompletionOption.ResponseHeadersRead))
        {
            Change("1", new() { Aliases = ["gpt-4o"], ContextLength = 64 });
            Assert.EndsWith("data: [DONE]\n\n", await streamed.Content.ReadAsStringAsync());
        }
        await server.UntilAsync(async () => await AliasAsync() == HttpStatusCode.OK);
        await server.UntilAsync(async () => await AliasAsync() == HttpStatusCode.OK && await ContextAsync() == 64);
        // What is wrong with it changes nothing.
        Change("wrg", new());
        Change("four", new() { Aliases = ["gpt-5"], ContextLength = 64 });
        await server.UntilAsync(async () => await AliasAsync() == HttpStatusCode.NotFound);
        Assert.Equal(64, await ContextAsync());
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    [Fact]
    public async Task A_model_has_a_draft_of_its_own()
    {
        await using var server =
            await StartAsync(o =>
                o with
                {
                    Settings =
                    new Dictionary<string, ModelSettings>
                    {
                        [TestServer.Stories] = new() { Draft = PathOf(TestServer.Stories) },
                        [Llama] = new() { Draft = PathOf(TestServer.Stories) }
                    }
                });
        await AskAsync(server, TestServer.Stories);
        var refused = await server.PostAsync("/v1/completions", new { model = Llama, prompt = "a" });
        Assert.Contains("stories260K.gguf", await refused.Content.ReadAsStringAsync());
        Assert.False(refused.IsSuccessStatusCode);
        await AskAsync(server, Third);
    }

    [Theory]
    [InlineData("5m", 300.0), InlineData("1h30m", 5400.0), InlineData("300ms", 0.3), InlineData("0", 0.0), InlineData("90",
        90.0), InlineData("-1", null), InlineData("-5m", null)]
    public void Durations_are_ollama_s(string text, double? seconds)
    {
        Assert.True(Banyan.Server.Inference.Models.KeepAlive.TryParse(text, out var span));
        Assert.Equal(seconds is { } s ? TimeSpan.FromSeconds(s) : Timeout.InfiniteTimeSpan, span);
        Assert.False(Banyan.Server.Inference.Models.KeepAlive.TryParse(text + "x", out _));
    }
}
