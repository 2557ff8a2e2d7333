using System.Text.Json;
using Anthropic;
using Anthropic.Core;
using Banyan.Server.Tests.Support;
using Microsoft.Extensions.AI;
using OllamaSharp;

namespace Banyan.Server.Tests.Clients;

/// <summary>
/// The NuGet packages <c>Anthropic</c> and <c>OllamaSharp</c>, unmodified, as the chat clients of Microsoft.Extensions.AI under its
/// middlewares.
/// </summary>
public class ChatClientTests(ThinkingServer thinking) : IClassFixture<ThinkingServer>
{
    static readonly ChatOptions s_greedy = new() { Temperature = 0, MaxOutputTokens = 8, ModelId = TestServer.Stories };

    static readonly JsonElement s_feeling =
        JsonDocument.Parse(
            """{"type":"object","properties":{"mood":{"enum":["Glad","Sad"]}},"required":["mood"],"additionalProperties":false}""").RootElement;

    IChatClient Client(string name) => name switch
    {
        "anthropic" =>
            new AnthropicClient(new ClientOptions
            {
                BaseUrl = thinking.Server.Address,
                ApiKey = "none",
                MaxRetries = 0
            }).AsIChatClient(TestServer.Stories, 8),
        _ => new OllamaApiClient(new Uri(thinking.Server.Address), TestServer.Stories),
    };

    [Theory, InlineData("anthropic"), InlineData("ollama")]
    public async Task Streaming_gives_the_same_text(string name)
    {
        using var client = Client(name);
        var whole = await client.GetResponseAsync("Once upon a time", s_greedy);
        var updates = await client.GetStreamingResponseAsync("Once upon a time", s_greedy).ToListAsync();
        var streamed = updates.ToChatResponse();
        Assert.NotEmpty(whole.Text);
        // Anthropic's package sends no temperature, so its two texts are two samples.
        Assert.Equal(name == "ollama" ? whole.Text : streamed.Text, streamed.Text);
        Assert.Equal((ChatFinishReason.Length, ChatFinishReason.Length), (whole.FinishReason, streamed.FinishReason));
        Assert.Equal((8, 8), (whole.Usage?.OutputTokenCount, streamed.Usage?.OutputTokenCount));
        Assert.True(updates.Count(u => u.Text.Length > 0) > 3);
    }

    [Theory, InlineData("anthropic"), InlineData("ollama")]
    public async Task The_middleware_carries_a_call_out_and_sends_its_result(string name)
    {
        var asked = new List<string>();
        var read = AIFunctionFactory.Create((Mood mood) => { asked.Add($"{mood}"); return "the text"; }, "read", "Reads a file");
        using var inner = Client(name);
        using var client = new FunctionInvokingChatClient(inner) { MaximumIterationsPerRequest = 1 };
        var options = new ChatOptions
        {
            ModelId = TestServer.Stories,
            MaxOutputTokens = 300,
            Tools = [read],
            ToolMode = ChatToolMode.RequireAny,
            AllowMultipleToolCalls = false
        };
        if (name == "ollama")
        {
            // Ollama's API has no way to make a model call: the call is one that was made before, and goes back with its result.
            var talk = new List<ChatMessage> { new(ChatRole.User, "read it"),
                new(ChatRole.Assistant, [new FunctionCallContent("c1", "read", new Dictionary<string, object?> { ["mood"] = "Glad" })]),
                new(ChatRole.Tool, [new FunctionResultContent("c1", "the text")]) };
            Assert.Equal(ChatRole.Assistant,
                (await client.GetResponseAsync(talk,
                    new ChatOptions { Tools = [read], MaxOutputTokens = 4, Temperature = 0 })).Messages[^1].Role);
            return;
        }
        var response = await client.GetResponseAsync("read it", options);
        Assert.Contains(Assert.Single(asked), Enum.GetNames<Mood>());
        Assert.Equal("the text",
            Assert.Single(response.Messages.SelectMany(m => m.Contents).OfType<FunctionResultContent>()).Result?.ToString());
    }

    [Theory, InlineData("anthropic"), InlineData("ollama")]
    public async Task Output_is_of_the_type_that_is_asked_for(string name)
    {
        using var client = Client(name);
        var response = await client.GetResponseAsync("How are you?",
            new ChatOptions
            {
                ModelId = TestServer.Stories,
                MaxOutputTokens = 60,
                ResponseFormat = ChatResponseFormat.ForJsonSchema(s_feeling)
            });
        Assert.Contains(JsonDocument.Parse(response.Text).RootElement.GetProperty("mood").GetString(), Enum.GetNames<Mood>());
    }

    [Fact]
    public async Task Thoughts_come_apart()
    {
        using var client = new OllamaApiClient(new Uri(thinking.Server.Address), TestServer.Stories);
        var thought = await ((IChatClient)client).GetResponseAsync("Once",
            new ChatOptions { MaxOutputTokens = 30, Temperature = 0, Reasoning = new ReasoningOptions { Effort = ReasoningEffort.Low } });
        Assert.Empty(thought.Text);
        Assert.NotEmpty(string.Concat(thought.Messages[^1].Contents.OfType<TextReasoningContent>().Select(t => t.Text)));
    }

    [Fact]
    public async Task OllamaSharp_embeds_and_lists()
    {
        using var client = new OllamaApiClient(new Uri(thinking.Server.Address), TestServer.Stories);
        Assert.Equal([64, 64],
            (await ((IEmbeddingGenerator<string, Embedding<float>>)client).GenerateAsync(["Once", "upon"])).Select(e => e.Vector.Length));
        Assert.Equal([TestServer.Stories, TestServer.Coder], (await client.ListLocalModelsAsync()).Select(m => m.Name));
        Assert.Contains("insert", (await client.ShowModelAsync(TestServer.Coder)).Capabilities!);
    }

    // OllamaSharp tells the status alone.
    [Theory, InlineData("anthropic", "'nobody' does not exist here"), InlineData("ollama", "404")]
    public async Task Errors_say_what_the_server_says(string name, string expected)
    {
        using var client = Client(name);
        var error =
            await Assert.ThrowsAnyAsync<Exception>(() =>
                client.GetResponseAsync("Once", new ChatOptions { ModelId = "nobody", MaxOutputTokens = 4 }));
        Assert.Contains(expected, error.Message);
    }

    [Theory, InlineData("anthropic"), InlineData("ollama")]
    public async Task A_stream_that_is_left_ends_the_generation(string name)
    {
        using var client = Client(name);
        using var stop = new CancellationTokenSource();
        var seen = 0;
        try
        {
            await foreach (var _ in client.GetStreamingResponseAsync("Once",
                new ChatOptions { ModelId = TestServer.Stories, MaxOutputTokens = 1500 }, stop.Token))
                if (++seen == 3)
                    await stop.CancelAsync();
        }
        catch (OperationCanceledException)
        {
            // OllamaSharp's stream just ends.
        }
        Assert.InRange(seen, 3, 1000);
        await thinking.Server.UntilAsync(async () => (await thinking.Server.LoadAsync(TestServer.Stories)).Running == 0);
    }

    enum Mood { Glad, Sad }
}
