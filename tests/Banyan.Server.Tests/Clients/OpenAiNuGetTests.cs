using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text.Json;
using Banyan.Server.Tests.Support;
using OpenAI;
using OpenAI.Chat;

namespace Banyan.Server.Tests.Clients;

/// <summary>The NuGet package <c>OpenAI</c>, unmodified.</summary>
public class OpenAiNuGetTests(SharedServer shared)
{
    static readonly ChatCompletionOptions s_greedy =
        new() { Temperature = 0, MaxOutputTokenCount = 8, IncludeLogProbabilities = true, TopLogProbabilityCount = 2 };
    static readonly ChatMessage[] s_messages = [new SystemChatMessage("Be kind."), new UserChatMessage("Once upon a time")];

    [Fact]
    public async Task Chat_with_logprobs()
    {
        ChatCompletion answer = await (await ClientAsync()).GetChatClient(TestServer.Stories).CompleteChatAsync(s_messages, s_greedy);
        Assert.Equal(ChatFinishReason.Length, answer.FinishReason);
        Assert.Equal(8, answer.Usage.OutputTokenCount);
        Assert.Equal(8, answer.ContentTokenLogProbabilities.Count);
        Assert.All(answer.ContentTokenLogProbabilities, t =>
        {
            Assert.Equal(2, t.TopLogProbabilities.Count);
            Assert.Equal(t.Token, t.TopLogProbabilities[0].Token);   // greedy: the likeliest was taken
        });
        Assert.Equal(answer.Content[0].Text, string.Concat(answer.ContentTokenLogProbabilities.Select(t => t.Token)));
    }

    [Fact]
    public async Task Streaming_gives_the_same_text()
    {
        var client = (await ClientAsync()).GetChatClient(TestServer.Stories);
        ChatCompletion whole = await client.CompleteChatAsync(s_messages, s_greedy);
        var text = "";
        ChatTokenUsage? usage = null;
        ChatFinishReason? finish = null;
        await foreach (var update in client.CompleteChatStreamingAsync(s_messages, s_greedy))
        {
            text += string.Concat(update.ContentUpdate.Select(c => c.Text));
            usage = update.Usage ?? usage;
            finish = update.FinishReason ?? finish;
        }
        Assert.Equal((whole.Content[0].Text, ChatFinishReason.Length, 8), (text, finish, usage?.OutputTokenCount));
    }

    [Fact]
    public async Task Embeddings()
    {
        var embeddings = await (await ClientAsync()).GetEmbeddingClient(TestServer.Stories)
            .GenerateEmbeddingsAsync(["Once", "upon"], new() { Dimensions = 16 });
        Assert.Equal([16, 16], embeddings.Value.Select(e => e.ToFloats().Length));
        Assert.True(embeddings.Value.Usage.InputTokenCount > 1);
    }

    [Fact]
    public async Task Models_are_listed()
    {
        var models = await (await ClientAsync()).GetOpenAIModelClient().GetModelsAsync();
        Assert.Equal([TestServer.Stories, TestServer.Coder], models.Value.Select(m => m.Id));
    }

    [Fact]
    public async Task The_middle_is_filled_through_the_client_s_own_pipeline()
    {
        // The package has no class for /v1/completions; its pipeline sends any request with its key, retries and errors.
        var server = await shared.GetAsync();
        var client = await ClientAsync();
        using var message = client.Pipeline.CreateMessage();
        message.Request.Method = "POST";
        message.Request.Uri = new($"{server.Address}/v1/completions");
        message.Request.Headers.Set("Content-Type", "application/json");
        message.Request.Content = BinaryContent.Create(BinaryData.FromObjectAsJson(
            new
            {
                model = TestServer.Coder,
                prompt = "int Add(int a, int b) { ",
                suffix = " }",
                max_tokens = 4,
                temperature = 0,
                logprobs = 2,
                ignore_eos = true
            }));
        await client.Pipeline.SendAsync(message);
        var choice = JsonDocument.Parse(message.Response!.Content).RootElement.GetProperty("choices")[0];
        Assert.Equal(200, message.Response.Status);
        Assert.Equal(4, choice.GetProperty("logprobs").GetProperty("token_logprobs").GetArrayLength());
    }

    [Fact]
    public async Task Tools_reach_the_server_and_an_answer_without_calls_is_text()
    {
        var options = new ChatCompletionOptions
        {
            MaxOutputTokenCount = 4,
            Temperature = 0,
            Tools = { ChatTool.CreateFunctionTool("weather", "The weather",
                BinaryData.FromString("""{"type":"object","properties":{}}""")) }
        };
        ChatCompletion answer = await (await ClientAsync()).GetChatClient(TestServer.Stories).CompleteChatAsync(s_messages, options);
        Assert.Empty(answer.ToolCalls);
        Assert.NotEmpty(answer.Content[0].Text);
    }

    [Theory]
    [InlineData("nobody", null, 404, "model_not_found")]
    [InlineData(TestServer.Stories, 7f, 400, "out_of_range")]
    public async Task Errors_arrive_as_the_client_s_exception(string model, float? temperature, int status, string code)
    {
        var client = (await ClientAsync()).GetChatClient(model);
        var error =
            await Assert.ThrowsAsync<ClientResultException>(() =>
                client.CompleteChatAsync(s_messages, new() { Temperature = temperature }));
        Assert.Equal(status, error.Status);
        Assert.Contains(code, error.Message);
    }

    async Task<OpenAIClient> ClientAsync() => new(new ApiKeyCredential("none"), new OpenAIClientOptions
    {
        Endpoint = new($"{(await shared.GetAsync()).Address}/v1"),
        RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
    });
}
