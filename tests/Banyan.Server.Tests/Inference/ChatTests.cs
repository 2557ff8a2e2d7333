using System.Text.Json;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Inference;

public class ChatTests(SharedServer shared)
{
    static readonly object[] s_messages = [new { role = "system", content = "Be kind." },
        new { role = "user", content = new[] { new { type = "text", text = "Once upon a time" } } }];

    [Fact]
    public async Task Chat() => Golden.Check(await (await shared.GetAsync()).PostJsonAsync("/v1/chat/completions",
        new { model = TestServer.Stories, messages = s_messages, temperature = 0, max_tokens = 3, logprobs = true, top_logprobs = 2 }));

    [Fact]
    public async Task Chat_stream_with_usage() => Golden.Check(await (await shared.GetAsync()).PostStreamAsync("/v1/chat/completions",
        new
        {
            model = TestServer.Stories,
            messages = s_messages,
            temperature = 0,
            max_completion_tokens = 3,
            logprobs = true,
            stream = true,
            stream_options = new { include_usage = true }
        }));

    [Fact]
    public async Task Chat_stream_of_two_choices_begins_and_ends_each_once()
    {
        var events = await (await shared.GetAsync()).PostStreamAsync("/v1/chat/completions",
            new { messages = s_messages, n = 2, max_tokens = 6, seed = 1, stream = true });
        var deltas = events.Select(e => e.GetProperty("choices")[0]).GroupBy(c => c.GetProperty("index").GetInt32())
            .ToDictionary(g => g.Key, g => g.ToList());
        Assert.Equal([0, 1], deltas.Keys.Order());
        Assert.All(deltas.Values, choice =>
        {
            Assert.Equal("assistant", choice[0].GetProperty("delta").GetProperty("role").GetString());
            Assert.Equal(JsonValueKind.String, choice[^1].GetProperty("finish_reason").ValueKind);
            Assert.Single(choice, c => c.GetProperty("finish_reason").ValueKind == JsonValueKind.String);
        });
    }

    [Fact]
    public async Task The_same_conversation_again_is_taken_from_the_cache()
    {
        var server = await shared.GetAsync();
        var body = new
        {
            model = TestServer.Coder,
            messages = new[] { new { role = "user", content = string.Concat(Enumerable.Repeat("the cache keeps prompts ", 20)) } },
            max_tokens = 1
        };
        await server.PostJsonAsync("/v1/chat/completions", body);
        var usage = (await server.PostJsonAsync("/v1/chat/completions", body)).GetProperty("usage");
        Assert.InRange(usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32(), 1,
            usage.GetProperty("prompt_tokens").GetInt32() - 1);
    }

    [Fact]
    public async Task A_model_without_a_template_says_so()
    {
        await using var server = await TestServer.StartAsync(o => o with { Inference = o.Inference with { ChatTemplate = null } });
        var response = await server.PostAsync("/v1/chat/completions", new { messages = s_messages });
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("no_chat_template", await response.Content.ReadAsStringAsync());
    }
}
