using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Models;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Inference;

/// <summary>
/// 32 clients over all four APIs at once, each asking what it was answered alone before: long and short, whole and streamed, left midway
/// and cut on the wire, models swapped within a budget of memory, an adapter beside its base. Here a few requests each;
/// <c>BANYAN_SOAK=minutes</c> goes on for that long and tells memory and the time to short answers' first token once a minute.
/// </summary>
public sealed class SoakTests : IDisposable
{
    const int Clients = 32, Requests = 4, Questions = 28;

    static readonly TimeSpan? s_time = double.TryParse(Environment.GetEnvironmentVariable("BANYAN_SOAK"), CultureInfo.InvariantCulture,
        out var minutes) ? TimeSpan.FromMinutes(minutes) : null;

    static readonly string[] s_models = ["stories", "pirates", "llama", "qwen"];

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-test-");
    readonly ConcurrentDictionary<string, string> _expected = [];
    readonly ConcurrentQueue<double> _firstTokens = [];
    int _answers, _left, _refused;

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>
    /// What is asked: by its number always the same, so that every answer can be held against the one that was given alone.
    /// </summary>
    sealed record Question(int Number)
    {
        public string Model => s_models[Number % s_models.Length];

        public bool IsLong => Number % 7 == 3;

        public string Text =>
            IsLong ? string.Concat(Enumerable.Range(0, 30).Select(i => $"Story {Number} has part {i}. ")) : $"Tell story {Number}";

        public int Tokens => 4 + Number % 9;
    }

    [Fact]
    public async Task Nothing_is_lost_or_mixed_up()
    {
        Prepare();
        var largest = _folder.GetFiles("*.gguf", SearchOption.AllDirectories).Max(f => f.Length);
        await using var server = await TestServer.StartAsync(o => o with
        {
            // Two of three models at a time.
            Inference = o.Inference with { Models = [], ModelsFolder = _folder.FullName, MemoryBytes = largest * 5 / 2, MaxPending = 512 },
        });
        for (var number = 0; number < Questions; number++)
            foreach (var api in (int[])[number % 4, 4])
                _expected[Key(number, api)] = (await AskAsync(server, number, api, stream: false))!;

        var began = Stopwatch.StartNew();
        using var over = new CancellationTokenSource();
        var clients = Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            var random = new Random(client);
            for (var i = 0; s_time is { } time ? began.Elapsed < time : i < Requests; i++)
                await OneAsync(server, random);
        })).ToArray();
        var telling = TellAsync(began, over.Token);
        await Task.WhenAll(clients);
        await over.CancelAsync();
        await telling;
        Assert.True(_answers >= Clients, $"{_answers} answers, {_refused} refused");
        // Nobody is left in a queue, and the server still answers.
        foreach (var model in s_models)
            await server.UntilAsync(async () => await server.LoadAsync(model) == (0, 0, 0));
        await CheckAsync(server, 0, 0, stream: true);
    }

    // A model, an adapter of it and two others.
    void Prepare()
    {
        foreach (var (from, to) in (IEnumerable<(string, string)>)[("stories260K", "stories"), ("llama-tiny-F16", "llama"),
            ("qwen3-tiny-F16", "qwen")])
            File.Copy(SharedData.Path("models", $"{from}.gguf"), Path.Combine(_folder.FullName, $"{to}.gguf"));
        using var model = Model.Load(Path.Combine(_folder.FullName, "stories.gguf"));
        float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => 0.5f * MathF.Sin(i * 12.9898f + seed))];
        PeftAdapter.Write(_folder.CreateSubdirectory("pirates").FullName,
            new(2, 4, false,
                [.. Enumerable.Range(0, 3)
                    .Select(layer => new ProjectionAdapter($"blk.{layer}.attn_q.weight", 64, 64, Numbers(128, layer),
                        Numbers(128, layer + 9)))]), model.Config, "somebody/stories");
    }

    async Task OneAsync(TestServer server, Random random)
    {
        var (number, api) = (random.Next(Questions), random.Next(5));
        switch (random.Next(10))
        {
            case 0:
                await LeaveAsync(server, number);
                break;
            case 1:
                await CutAsync(server, number);
                break;
            case 2:
                await server.PostAsync("/models/unload", new { model = s_models[number % s_models.Length] }); // 409 while it is in use
                break;
            default:
                await CheckAsync(server, number, api, stream: random.Next(2) == 0);
                break;
        }
    }

    async Task CheckAsync(TestServer server, int number, int api, bool stream)
    {
        if (await AskAsync(server, number, api, stream) is not { } answer)
        {
            Interlocked.Increment(ref _refused);
            return;
        }
        Interlocked.Increment(ref _answers);
        Assert.True(_expected[Key(number, api)] == answer, $"{number} over {api}: {answer} instead of {_expected[Key(number, api)]}");
    }

    // A chat's template writes no token that begins a text; a completion has it.
    static string Key(int number, int api) => $"{number} {api == 4}";

    /// <summary>The answer, over one of the APIs; null where no model could be put away for the one that is asked for.</summary>
    async Task<string?> AskAsync(TestServer server, int number, int api, bool stream)
    {
        var question = new Question(number);
        object[] messages = [new { role = "user", content = question.Text }];
        var (path, body) = api switch
        {
            0 => ("/v1/chat/completions",
                (object)new { model = question.Model, messages, max_tokens = question.Tokens, temperature = 0, ignore_eos = true, stream }),
            1 => ("/v1/responses",
                new
                {
                    model = question.Model,
                    input = question.Text,
                    max_output_tokens = question.Tokens,
                    temperature = 0,
                    ignore_eos = true,
                    stream
                }),
            2 => ("/v1/messages",
                new { model = question.Model, messages, max_tokens = question.Tokens, temperature = 0, ignore_eos = true, stream }),
            3 => ("/api/chat",
                new
                {
                    model = question.Model,
                    messages,
                    options = new { num_predict = question.Tokens, temperature = 0, ignore_eos = true, top_k = 0, top_p = 1 },
                    stream
                }),
            _ => ("/completion",
                new
                {
                    model = question.Model,
                    prompt = Template(question.Text),
                    n_predict = question.Tokens,
                    temperature = 0,
                    ignore_eos = true,
                    stream
                }),
        };
        var asked = Stopwatch.GetTimestamp();
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        using var response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
            return null;
        Assert.True(response.IsSuccessStatusCode,
            $"{path}: {response.StatusCode} {(response.IsSuccessStatusCode ? "" : await response.Content.ReadAsStringAsync())}");
        if (!stream)
            return Text(api, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var text = new StringBuilder();
        while (await reader.ReadLineAsync() is { } line)
            if (line.StartsWith('{') || line.StartsWith("data: {", StringComparison.Ordinal))
            {
                if (text.Length == 0 && !question.IsLong && Piece(api, JsonNode.Parse(line[line.IndexOf('{')..])!).Length > 0)
                    _firstTokens.Enqueue(Stopwatch.GetElapsedTime(asked).TotalSeconds);
                text.Append(Piece(api, JsonNode.Parse(line[line.IndexOf('{')..])!));
            }
        return text.ToString();
    }

    static string Template(string text) => $"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n";

    static string Text(int api, JsonNode answer) => (string?)(api switch
    {
        0 => answer["choices"]![0]!["message"]!["content"],
        1 => answer["output"]!.AsArray().Select(o => o!["content"]).OfType<JsonArray>().FirstOrDefault()?[0]!["text"],
        2 => answer["content"]![0]!["text"],
        3 => answer["message"]!["content"],
        _ => answer["content"],
    }) ?? "";

    static string Piece(int api, JsonNode line) => (string?)(api switch
    {
        0 => line["choices"] is JsonArray { Count: > 0 } choices ? choices[0]!["delta"]!["content"] : null,
        1 => (string?)line["type"] == "response.output_text.delta" ? line["delta"] : null,
        2 => (string?)line["type"] == "content_block_delta" ? line["delta"]!["text"] : null,
        3 => line["message"]?["content"],
        _ => line["content"],
    }) ?? "";

    // A client that leaves midway.
    async Task LeaveAsync(TestServer server, int number)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post,
            "/v1/completions")
        {
            Content =
                JsonContent.Create(new
                {
                    model = s_models[number % s_models.Length],
                    prompt = "a",
                    max_tokens = 200,
                    ignore_eos = true,
                    stream = true
                })
        };
        using var response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await reader.ReadLineAsync();
        Interlocked.Increment(ref _left);
    }

    // A request that is cut on its way, or whose answer nobody reads.
    async Task CutAsync(TestServer server, int number)
    {
        var address = new Uri(server.Address);
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port);
        var body =
            JsonSerializer.Serialize(new { model = s_models[number % s_models.Length], prompt = "a", max_tokens = 100, ignore_eos = true });
        var bytes =
            Encoding.UTF8.GetBytes(
                $"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        await client.GetStream().WriteAsync(bytes.AsMemory(0, number % 2 == 0 ? bytes.Length : bytes.Length / 2));
        client.LingerState = new(enable: true, seconds: 0);
        Interlocked.Increment(ref _left);
    }

    async Task TellAsync(Stopwatch began, CancellationToken cancellationToken)
    {
        if (s_time is null)
            return;
        using var timer = new PeriodicTimer(TimeSpan.FromMinutes(1));
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                var times = new List<double>();
                while (_firstTokens.TryDequeue(out var time))
                    times.Add(time);
                times.Sort();
                GC.Collect();
                using var process = Process.GetCurrentProcess();
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"soak {began.Elapsed:hh\\:mm\\:ss}: {_answers} answers, {_left} left, {_refused} refused; heap {GC.GetTotalMemory(true) / 1e6:0.0} MB, resident {process.WorkingSet64 / 1e6:0} MB; first token of short ones p50 {At(0.5):0.000} s, p99 {At(0.99):0.000} s"));

                double At(double part) => times.Count == 0 ? 0 : times[(int)Math.Min(times.Count - 1, times.Count * part)];
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
