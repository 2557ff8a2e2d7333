using System.Text.Json.Nodes;
using Banyan.Runtime.Chat;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Tests.Models;
using Microsoft.Extensions.AI;

namespace Banyan.Runtime.Tests.Chat;

/// <summary>The engine as an IChatClient, over a small model that is given a template.</summary>
public class ChatClientTests(ChatClientTests.Loaded loaded) : IClassFixture<ChatClientTests.Loaded>
{
    const string Template =
        "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if tools %}{{ tools[0].function.name }}{% endif %}{% if add_generation_prompt %}[assistant]{% if enable_thinking %}<think>\n{# until </think> #}{% endif %}{% endif %}";

    public sealed class Loaded : IAsyncDisposable
    {
        readonly ChangedModel _file = new("stories260K", new() { ["tokenizer.chat_template"] = Template });

        public Loaded() => Engine = new Engine(Model.Load(_file.Path, new ModelOptions { Threads = 1 }));

        public Engine Engine { get; }

        public async ValueTask DisposeAsync()
        {
            await Engine.DisposeAsync();
            Engine.Model.Dispose();
            _file.Dispose();
        }
    }

    Engine Engine => loaded.Engine;

    static readonly ChatMessage[] s_messages = [new(ChatRole.User, "Tell me a story")];

    static readonly ChatOptions s_options = new() { Temperature = 0, MaxOutputTokens = 20, Instructions = "Be kind" };

    [Fact]
    public void The_template_makes_the_prompt() => Assert.Equal(
        Engine.Model.Tokenizer.Encode("<s>[system] Be kind\n[user] Tell me a story\n[assistant]", addSpecial: false),
        Conversation.With(Engine.Model).Prepare(ChatMessages.ToTurn(s_messages, new() { Instructions = "Be kind" })).Prompt);

    [Fact]
    public async Task An_answer_is_the_engines_with_usage_and_reason()
    {
        using var client = Engine.AsChatClient();
        var response = await client.GetResponseAsync(s_messages, s_options);
        var prompt = Engine.Model.Tokenizer.Encode("<s>[system] Be kind\n[user] Tell me a story\n[assistant]", addSpecial: false);
        var text = "";
        await foreach (var generated in Engine.GenerateAsync(prompt, new GenerationOptions { Temperature = 0, MaxTokens = 20 }))
            text += generated.Text;
        Assert.Equal(text, response.Text);
        Assert.NotEqual("", text);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal((prompt.Length, 20, prompt.Length + 20),
            (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount, response.Usage.TotalTokenCount));
        Assert.Equal(Engine.Model.Name, response.ModelId);
        Assert.Equal(ChatRole.Assistant, response.Messages[^1].Role);
    }

    [Fact]
    public async Task Streaming_gives_the_same_in_pieces()
    {
        using var client = Engine.AsChatClient();
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in client.GetStreamingResponseAsync(s_messages, s_options))
            updates.Add(update);
        Assert.True(updates.Count > 5);
        Assert.Equal((await client.GetResponseAsync(s_messages, s_options)).Text, string.Concat(updates.Select(u => u.Text)));
        Assert.Single(updates.Select(u => u.ResponseId).Distinct());
        Assert.Equal(ChatFinishReason.Length, updates[^1].FinishReason);
    }

    [Fact]
    public async Task A_stop_sequence_ends_it()
    {
        using var client = Engine.AsChatClient();
        var whole = (await client.GetResponseAsync(s_messages, s_options)).Text;
        var stopped = await client.GetResponseAsync(s_messages,
            new ChatOptions { Temperature = 0, MaxOutputTokens = 20, Instructions = "Be kind", StopSequences = [whole[4..8]] });
        Assert.Equal(whole[..whole.IndexOf(whole[4..8], StringComparison.Ordinal)], stopped.Text);
        Assert.Equal(ChatFinishReason.Stop, stopped.FinishReason);
    }

    [Fact]
    public void Messages_tools_and_results_become_what_templates_read()
    {
        var json = ChatMessages.ToJson(
        [
            new(ChatRole.Assistant, [new FunctionCallContent("1", "add", new Dictionary<string, object?> { ["a"] = 1 })]),
            new(ChatRole.Tool, [new FunctionResultContent("1", 3)]),
        ], null);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""
            [{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"add","arguments":{"a":1}}}]},
             {"role":"tool","tool_call_id":"1","content":"3"}]
            """), json), json.ToJsonString());
        var tools = ChatMessages.ToJson([AIFunctionFactory.Create((int a, int b) => a + b, "add", "Adds")]);
        Assert.Equal("add", (string?)tools![0]!["function"]!["name"]);
        Assert.Equal("integer", (string?)tools[0]!["function"]!["parameters"]!["properties"]!["a"]!["type"]);
    }

    [Fact]
    public async Task A_tool_is_called_and_JSON_is_enforced()
    {
        using var client = Engine.AsChatClient();
        var move = AIFunctionFactory.CreateDeclaration("move", "Moves",
            System.Text.Json.JsonDocument.Parse(
                """{"type":"object","properties":{"up":{"type":"boolean"}},"required":["up"],"additionalProperties":false}""").RootElement);
        var called = await client.GetResponseAsync(s_messages,
            new ChatOptions
            {
                Seed = 1,
                Reasoning = new() { Effort = ReasoningEffort.None },
                Tools = [move],
                ToolMode = ChatToolMode.RequireAny,
                AllowMultipleToolCalls = false
            });
        var call = Assert.IsType<FunctionCallContent>(Assert.Single(called.Messages[^1].Contents, c => c is FunctionCallContent));
        Assert.Equal(("move", ChatFinishReason.ToolCalls), (call.Name, called.FinishReason));
        Assert.Contains(call.Arguments!["up"]!.ToString(), new[] { "True", "False" });

        // One that is cut is no call: nobody carries out half of it.
        var cut = await client.GetResponseAsync(s_messages,
            new ChatOptions
            {
                Seed = 1,
                Reasoning = new() { Effort = ReasoningEffort.None },
                Tools = [move],
                ToolMode = ChatToolMode.RequireAny,
                AllowMultipleToolCalls = false,
                MaxOutputTokens = (int)called.Usage!.OutputTokenCount! * 3 / 4
            });
        Assert.Equal((ChatFinishReason.Length, false), (cut.FinishReason, cut.Messages[^1].Contents.Any(c => c is FunctionCallContent)));

        var schema =
            System.Text.Json.JsonDocument.Parse(
                """{"type":"object","properties":{"n":{"type":"integer","maximum":9,"minimum":0}},"required":["n"],"additionalProperties":false}""").RootElement;
        var answer = await client.GetResponseAsync(s_messages,
            new ChatOptions
            {
                Seed = 1,
                Reasoning = new() { Effort = ReasoningEffort.None },
                ResponseFormat = ChatResponseFormat.ForJsonSchema(schema)
            });
        Assert.InRange((int)JsonNode.Parse(answer.Text)!["n"]!, 0, 9);
    }

    [Fact]
    public async Task Reasoning_is_asked_for_hidden_and_switched_off()
    {
        using var client = Engine.AsChatClient();
        async Task<(string Thought, string Text, long? Tokens)> Ask(ReasoningOptions? reasoning)
        {
            var response = await client.GetResponseAsync(s_messages,
                new ChatOptions { Temperature = 0, MaxOutputTokens = 20, Reasoning = reasoning });
            return (string.Concat(response.Messages[^1].Contents.OfType<TextReasoningContent>().Select(r => r.Text)), response.Text,
                response.Usage!.ReasoningTokenCount);
        }
        var shown = await Ask(new() { Effort = ReasoningEffort.Low });
        Assert.True(shown is { Thought.Length: > 0, Text: "", Tokens: > 10 }, shown.ToString());
        Assert.Equal(("", "", shown.Tokens), await Ask(new() { Effort = ReasoningEffort.High, Output = ReasoningOutput.None }));
        var off = await Ask(new() { Effort = ReasoningEffort.None });
        Assert.Equal((await Ask(null)) with { Tokens = 0 }, off);
        Assert.NotEqual("", off.Text);
        // A thought goes back to the template beside what was said.
        Assert.Equal("hm",
            (string?)ChatMessages.ToJson([new(ChatRole.Assistant, [new TextReasoningContent("hm"), new TextContent("yes")])],
                null)[0]!["reasoning_content"]);
    }

    [Fact]
    public async Task What_cannot_be_done_is_said()
    {
        using var client = Engine.AsChatClient();
        await Assert.ThrowsAsync<NotSupportedException>(() =>
            client.GetResponseAsync([new(ChatRole.User, [new DataContent(new byte[1], "image/png")])]));
        using var bare = Model.Load(Reference.Path("stories260K"), new ModelOptions { Threads = 1 });
        await using var engine = new Engine(bare);
        Assert.Contains("no chat template",
            (await Assert.ThrowsAsync<GenerationException>(() => engine.AsChatClient().GetResponseAsync(s_messages))).Message);
    }

    [Fact]
    public void Services_are_found()
    {
        using var client = Engine.AsChatClient();
        Assert.Equal(Engine.Model.Name, client.GetService<ChatClientMetadata>()!.DefaultModelId);
        Assert.Same(Engine, client.GetService<Engine>());
        Assert.Same(Engine.Model, client.GetService<Model>());
        Assert.Same(client, client.GetService<IChatClient>());
        Assert.Null(client.GetService<string>());
    }
}
