using System.Net.Http.Json;
using System.Text.Json;
using Banyan.Runtime.Models;
using Banyan.Server.Inference;
using Banyan.Tests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Support;

/// <summary>A real server on a free loopback port, with its client.</summary>
sealed class TestServer : IAsyncDisposable
{
    /// <summary>A real, tiny model that writes stories; it has no FIM tokens.</summary>
    public const string Stories = "stories260K";

    /// <summary>Random weights with Qwen2.5-Coder's special tokens.</summary>
    public const string Coder = "qwen2-tiny-f32";

    const string ChatMl =
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    readonly WebApplication _app;

    TestServer(WebApplication app, string address)
    {
        _app = app;
        Address = address;
        Client = new() { BaseAddress = new(address), Timeout = TimeSpan.FromMinutes(3) };
    }

    public string Address { get; }
    public HttpClient Client { get; }
    public IServiceProvider Services => _app.Services;

    /// <summary>Starts one with both models, or as <paramref name="change"/> says, and waits until it is healthy.</summary>
    public static async Task<TestServer> StartAsync(Func<ServerOptions, ServerOptions>? change = null)
    {
        var options = new ServerOptions
        {
            Port = 0,
            Inference = new InferenceOptions
            {
                Models = [SharedData.Path("models", $"{Stories}.gguf"), SharedData.Path("models", $"{Coder}.gguf")],
                ChatTemplate = ChatMl,
                // the recorded answers hold on every processor
                Runtime = new() { KvCache = KvFormat.F32, Activations = ActivationFormat.Float },
            },
        };
        var app = BanyanServer.Build(change?.Invoke(options) ?? options);
        await app.StartAsync();
        var server =
            new TestServer(app, app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        await server.UntilAsync(async () =>
            !(await (await server.Client.GetAsync("/health")).Content.ReadAsStringAsync()).Contains("loading", StringComparison.Ordinal));
        return server;
    }

    public async Task<HttpResponseMessage> PostAsync(string path, object body) =>
        await Client.PostAsync(path, body is string text ? new StringContent(text) : JsonContent.Create(body));

    public async Task<JsonElement> PostJsonAsync(string path, object body)
    {
        var response = await PostAsync(path, body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>The events of a streamed answer; the last must be [DONE] where the API has it.</summary>
    public async Task<List<JsonElement>> PostStreamAsync(string path, object body, bool done = true)
    {
        var response = await PostAsync(path, body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.Equal("text/event-stream; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        var events = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.All(events, e => Assert.StartsWith("data: ", e));
        if (done)
        {
            Assert.Equal("data: [DONE]", events[^1]);
            events = events[..^1];
        }
        return [.. events.Select(e => JsonDocument.Parse(e["data: ".Length..]).RootElement)];
    }

    /// <summary>Waits for a condition; fails after half a minute.</summary>
    public async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (!await condition())
            await Task.Delay(10, patience.Token);
    }

    /// <summary>Generations of a model: asked for by requests, computed and kept waiting by its engine.</summary>
    public async Task<(int Pending, int Running, int Waiting)> LoadAsync(string model)
    {
        var status = await Client.GetFromJsonAsync<JsonElement>("/status");
        var m = status.GetProperty("models").EnumerateArray().Single(m => m.GetProperty("name").GetString() == model);
        return (m.GetProperty("pending").GetInt32(), m.GetProperty("running").GetInt32(), m.GetProperty("waiting").GetInt32());
    }

    /// <summary>Stops it, as a signal does.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        Client.Dispose();
        await _app.DisposeAsync();
    }
}
