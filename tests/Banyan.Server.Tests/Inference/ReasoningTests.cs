using System.Net;
using System.Text.Json;
using Banyan.Server.Tests.Clients;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Inference;

/// <summary>Reasoning that is limited, counted and switched off; answers that the client has begun.</summary>
public class ReasoningTests(ThinkingServer thinking) : IClassFixture<ThinkingServer>
{
    TestServer Server => thinking.Server;

    const string Schema =
        """{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":9}},"required":["n"],"additionalProperties":false}""";

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_shape_follows_when_the_budget_is_used_up(bool stream)
    {
        var body =
            $$"""{"messages":[{"role":"user","content":"Once"}],"reasoning_effort":"low","thinking_budget_tokens":12,"max_tokens":60,"seed":1,"stream":{{(stream ? "true,\"stream_options\":{\"include_usage\":true}" : "false")}},"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":SCHEMA} } }""".Replace("SCHEMA", Schema, StringComparison.Ordinal);
        string reasoning, text;
        JsonElement usage;
        if (stream)
        {
            var events = await Server.PostStreamAsync("/v1/chat/completions", body);
            string All(string name) =>
                string.Concat(events.SelectMany(e => e.GetProperty("choices").EnumerateArray())
                    .Select(c => c.GetProperty("delta").TryGetProperty(name, out var part) ? part.GetString() : ""));
            (reasoning, text, usage) = (All("reasoning_content"), All("content"), events[^1].GetProperty("usage"));
        }
        else
        {
            var answer = await Server.PostJsonAsync("/v1/chat/completions", body);
            var message = answer.GetProperty("choices")[0].GetProperty("message");
            (reasoning, text, usage) = (message.GetProperty("reasoning_content").GetString()!, message.GetProperty("content").GetString()!,
                answer.GetProperty("usage"));
        }
        Assert.NotEmpty(reasoning);
        Assert.DoesNotContain("</think>", reasoning + text);
        Assert.InRange(JsonDocument.Parse(text).RootElement.GetProperty("n").GetInt32(), 1, 9);
        Assert.Equal(12, usage.GetProperty("completion_tokens_details").GetProperty("reasoning_tokens").GetInt32());
        Assert.InRange(usage.GetProperty("completion_tokens").GetInt32(), 14, 60);
    }

    [Fact]
    public async Task Anthropic_s_budget_leaves_room_for_the_answer()
    {
        var answer = await Server.PostJsonAsync("/v1/messages",
            """{"model":"stories260K","max_tokens":60,"temperature":0,"thinking":{"type":"enabled","budget_tokens":20},"messages":[{"role":"user","content":"Once"}]}""");
        Assert.Equal(["thinking", "text"], answer.GetProperty("content").EnumerateArray().Select(b => b.GetProperty("type").GetString()));
        Assert.NotEmpty(answer.GetProperty("content")[1].GetProperty("text").GetString()!);
        var usage = answer.GetProperty("usage");
        Assert.Equal((60, 20),
            (usage.GetProperty("output_tokens").GetInt32(),
                usage.GetProperty("output_tokens_details").GetProperty("thinking_tokens").GetInt32()));
        // A budget that holds more is ended by max_tokens.
        var whole = await Server.PostJsonAsync("/v1/messages",
            """{"model":"stories260K","max_tokens":12,"temperature":0,"thinking":{"type":"enabled","budget_tokens":12},"messages":[{"role":"user","content":"Once"}]}""");
        Assert.Equal("max_tokens", whole.GetProperty("stop_reason").GetString());
    }

    [Fact]
    public async Task A_call_follows_when_the_budget_is_used_up_and_the_answer_may_end_within()
    {
        var called = await Server.PostJsonAsync("/v1/responses",
            $$"""{"input":"Once","reasoning":{"effort":"low","max_tokens":8},"parallel_tool_calls":false,"tool_choice":"required","seed":2,"tools":[{"type":"function","name":"f","parameters":{{Schema}}}]}""");
        Assert.Equal(["reasoning", "function_call"],
            called.GetProperty("output").EnumerateArray().Select(o => o.GetProperty("type").GetString()));
        Assert.Equal(8, called.GetProperty("usage").GetProperty("output_tokens_details").GetProperty("reasoning_tokens").GetInt32());
        // The end of the thought alone takes more than what is left.
        var cut = await Server.PostJsonAsync("/v1/chat/completions",
            """{"messages":[{"role":"user","content":"Once"}],"reasoning_effort":"low","reasoning_budget":8,"max_tokens":9,"temperature":0}""");
        Assert.Equal("length", cut.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Ollama_s_options_have_a_budget_too()
    {
        var answer = await Server.PostJsonAsync("/api/chat",
            """{"model":"stories260K","stream":false,"think":true,"messages":[{"role":"user","content":"Once"}],"options":{"temperature":0,"num_predict":40,"reasoning_budget":10}}""");
        Assert.NotEmpty(answer.GetProperty("message").GetProperty("thinking").GetString()!);
        Assert.NotEmpty(answer.GetProperty("message").GetProperty("content").GetString()!);
    }

    [Fact]
    public async Task A_last_message_of_the_assistant_is_continued()
    {
        async Task<string> Answer(string more) =>
            (await Server.PostJsonAsync("/v1/messages",
                """{"model":"stories260K","max_tokens":TOKENS,"temperature":0,"messages":[{"role":"user","content":"Once"}MORE]}"""
            .Replace("TOKENS", more.Length == 0 ? "12" : "8", StringComparison.Ordinal)
            .Replace("MORE", more, StringComparison.Ordinal))).GetProperty("content")[0].GetProperty("text").GetString()!;
        var whole = await Answer("");
        var begun = whole[..(whole.Length / 3)];
        var message = $$""",{"role":"assistant","content":{{JsonSerializer.Serialize(begun)}}}""";
        var rest = await Answer(message);
        Assert.NotEqual(whole[..8], rest[..8]);
        var openAi =
            (await Server.PostJsonAsync("/v1/chat/completions",
                """{"max_tokens":8,"temperature":0,"continue_final_message":true,"messages":[{"role":"user","content":"Once"}MORE]}""".Replace("MORE", message, StringComparison.Ordinal)))
            .GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString();
        Assert.Equal(rest, openAi);
        foreach (var (path, body) in ((string, string)[])[
            ("/v1/chat/completions", """{"continue_final_message":true,"messages":[{"role":"user","content":"Once"}]}"""),
            ("/v1/messages",
                """{"model":"stories260K","max_tokens":4,"messages":[{"role":"user","content":"Once"},{"role":"assistant","content":"x"}],"output_config":{"format":{"type":"json_schema","schema":{"type":"integer"}}}}""")])
            Assert.Equal(HttpStatusCode.BadRequest, (await Server.PostAsync(path, body)).StatusCode);
    }

    [Fact]
    public async Task Anthropic_names_the_stop_sequence()
    {
        var answer = await Server.PostJsonAsync("/v1/messages",
            """{"model":"stories260K","max_tokens":300,"temperature":0,"stop_sequences":["zzz","a"],"messages":[{"role":"user","content":"Once"}]}""");
        Assert.Equal(("stop_sequence", "a"),
            (answer.GetProperty("stop_reason").GetString(), answer.GetProperty("stop_sequence").GetString()));
    }
}
