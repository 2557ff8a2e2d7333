using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Parsing;
using Banyan.Runtime.Templates.Values;
using Banyan.Runtime.Tokenizers;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Prompts;

/// <summary>Calls and reasoning of each family: read however the text is cut, and forced.</summary>
public class ConversationTests
{
    static readonly Tool[] s_tools =
    [
        new("f", JsonDocument.Parse(
            """{"type":"object","properties":{"path":{"type":"string"},"n":{"type":"integer"}},"required":["path"]}""").RootElement),
        new("g", null),
    ];

    static readonly Lazy<Tokenizer> s_tokenizer = new(() => Tokenizer.Open(SharedData.Path("models", "stories260K.gguf")));

    static Conversation Of(string marks) => new(s_tokenizer.Value, ChatTemplate.Parse("{% raw %}" + marks + "{% endraw %}"));

    const string Hermes = "<tool_call>", Coder = "<tool_call> <function=", Glm = "<tool_call> <arg_key>", Llama = "<|python_tag|>", Nemo =
        "[TOOL_CALLS]", Small = "[TOOL_CALLS] [CALL_ID] [ARGS]",
        Ministral = "[TOOL_CALLS] [ARGS]", V31 = "<｜tool▁calls▁begin｜>", V3 = "<｜tool▁calls▁begin｜> ```json", V32 = "｜DSML｜", Kimi =
        "<|tool_calls_section_begin|>", MiniMax = "<minimax:tool_call>",
        Phi = "<|tool_call|>", Glimmer = "<atem:function_calls>", GptOss = "<|channel|> <|call|> analysis";

    [Theory]
    [InlineData(Hermes, "Hello.", "Hello.")]
    [InlineData(Hermes, "a < b <tool> c", "a < b <tool> c")]
    [InlineData(Hermes, """<tool_call>{"name": "f", "arguments": {"path": "1"}}</tool_call>""", "", """f({"path": "1"})""")]
    [InlineData(Hermes,
        "Look: <tool_call>\n{\"name\": \"f\"}\n</tool_call>\n<tool_call>{\"name\": \"g\", \"arguments\": \"{}\"}</tool_call>",
        "Look: ", "f({})", "g({})")]
    [InlineData(Hermes, """<tool_call>{"name": "f"}""", "", "f({})")]
    [InlineData(Hermes, "<tool_call>no json</tool_call>!", "<tool_call>no json</tool_call>!")]
    [InlineData(Hermes, "<tool_call>[1]", "<tool_call>[1]")]
    [InlineData(Hermes, "ends with <tool_c", "ends with <tool_c")]
    [InlineData(Hermes + "</think>", "<think>\nwell\n</think>\n\nHi", "(well)Hi")]
    [InlineData(Hermes + "</think>",
        "<think>\na\n</think>\n\n<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>", "(a)", "g({})")]
    [InlineData(Coder,
        "<tool_call>\n<function=f>\n<parameter=path>\na\nb\n</parameter>\n<parameter=n>\n3\n</parameter>\n</function>\n</tool_call>", "",
        """f({"path":"a\nb","n":3})""")]
    [InlineData(Glm,
        "<tool_call>f\n<arg_key>path</arg_key>\n<arg_value>x</arg_value>\n<arg_key>n</arg_key>\n<arg_value>3</arg_value>\n</tool_call>", "",
        """f({"path":"x","n":3})""")]
    [InlineData(Llama, """{"name": "f", "parameters": {"path": "x"}}""", "", """f({"path": "x"})""")]
    [InlineData(Llama, """See {"name": 1}""", """See {"name": 1}""")]
    [InlineData(Nemo,
        """[TOOL_CALLS][{"name": "f", "arguments": {"path": "x"}, "id": "abcdefghi"}, {"name": "g", "arguments": {}, "id": "abcdefgh2"}]""",
        "", """f({"path": "x"})""", "g({})")]
    [InlineData(Small, """[TOOL_CALLS]f[CALL_ID]abcdefghi[ARGS]{"path": "x"}[TOOL_CALLS]g[CALL_ID]abcdefgh2[ARGS]{}""", "",
        """f({"path": "x"})""", "g({})")]
    [InlineData(Ministral, """Ok[TOOL_CALLS]f[ARGS]{"path": "x"}""", "Ok", """f({"path": "x"})""")]
    [InlineData(V31,
        """<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"path": "x"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>""", "", """f({"path": "x"})""", "g({})")]
    [InlineData(V3,
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"path\": \"x\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        "", """f({"path": "x"})""")]
    [InlineData(V32,
        "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"path\" string=\"true\">x</｜DSML｜parameter>\n<｜DSML｜parameter name=\"n\" string=\"false\">3</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>", "", """f({"path":"x","n":3})""")]
    [InlineData(Kimi,
        """<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"path": "x"}<|tool_call_end|><|tool_calls_section_end|>""", "", """f({"path": "x"})""")]
    [InlineData(MiniMax,
        "<minimax:tool_call>\n<invoke name=\"f\">\n<parameter name=\"path\">x</parameter>\n</invoke>\n<invoke name=\"g\">\n</invoke>\n</minimax:tool_call>", "", """f({"path":"x"})""", "g({})")]
    [InlineData(Phi, """<|tool_call|>[{"name": "f", "arguments": {"path": "x"}}]<|/tool_call|>""", "", """f({"path": "x"})""")]
    [InlineData(Glimmer,
        "<atem:function_calls>\n<atem:invoke name=\"f\">\n<atem:parameter name=\"path\">x</atem:parameter>\n</atem:invoke>\n</atem:function_calls>", "", """f({"path":"x"})""")]
    [InlineData(GptOss,
        """<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"path": "x"}<|call|>""", "(hm)", """f({"path": "x"})""")]
    [InlineData(GptOss, "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Hi", "(hm)Hi")]
    public void Text_reasoning_and_calls_are_told_apart_however_the_text_is_cut(string marks, string answer,
        string text, params string[] calls)
    {
        var conversation = Of(marks + " tools");
        for (var size = 1; size <= answer.Length; size++)
        {
            var reader = conversation.Read(s_tools, reasons: false);
            var parts = new List<AnswerPart>();
            foreach (var (index, piece) in answer.Chunk(size).Index())
                parts.AddRange(reader.Append(new string(piece), ended: (index + 1) * size >= answer.Length));
            var reasoning = string.Concat(parts.Where(p => p.Kind == AnswerPartKind.Reasoning).Select(p => p.Text));
            Assert.Equal(text, (reasoning.Length > 0 ? $"({reasoning})" : "")
                + string.Concat(parts.Where(p => p.Kind == AnswerPartKind.Text).Select(p => p.Text)));
            Assert.Equal(calls, reader.Calls.Select(c => $"{c.Name}({c.Arguments})"));
            // What was streamed is the same.
            Assert.Equal(calls, parts.Where(p => p.Call >= 0).GroupBy(p => p.Call)
                .Select(g =>
                    $"{g.Single(p => p.Kind == AnswerPartKind.Call).Text}({string.Concat(g.Where(p => p.Kind == AnswerPartKind.Arguments).Select(p => p.Text))})"));
        }
    }

    [Theory]
    [InlineData(Hermes, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"path\": \"x\", \"n\": 3}}\n</tool_call>")]
    [InlineData(Hermes,
        "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"path\": \"x\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>")]
    [InlineData(Coder,
        "<tool_call>\n<function=f>\n<parameter=path>\na < b\n</parameter>\n<parameter=n>\n3\n</parameter>\n</function>\n</tool_call>")]
    [InlineData(Glm, "<tool_call>f\n<arg_key>path</arg_key>\n<arg_value>x</arg_value>\n</tool_call>")]
    [InlineData(Llama, """{"name": "f", "parameters": {"path": "x"}}""")]
    [InlineData(Nemo,
        """[TOOL_CALLS][{"name": "f", "arguments": {"path": "x"}, "id": "abcdefghi"}, {"name": "g", "arguments": {}, "id": "abcdefgh2"}]""")]
    [InlineData(Small, """[TOOL_CALLS]f[CALL_ID]abcdefghi[ARGS]{"path": "x"}""")]
    [InlineData(Ministral, """[TOOL_CALLS]f[ARGS]{"path": "x"}[TOOL_CALLS]g[ARGS]{}""")]
    [InlineData(V31, """<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"path": "x"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>""")]
    [InlineData(V32,
        "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"path\" string=\"true\">x</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>")]
    [InlineData(Kimi,
        """<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"path": "x"}<|tool_call_end|><|tool_calls_section_end|>""")]
    [InlineData(MiniMax,
        "<minimax:tool_call>\n<invoke name=\"f\">\n<parameter name=\"path\">x</parameter>\n</invoke>\n</minimax:tool_call>")]
    [InlineData(Phi, """<|tool_call|>[{"name": "f", "arguments": {"path": "x"}}]<|/tool_call|>""")]
    [InlineData(GptOss, """<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"path": "x"}<|call|>""")]
    public void Calls_can_be_forced(string marks, string call)
    {
        var conversation = Of(marks + " tools");
        var required = conversation.Shape(s_tools, ToolUse.Required, several: true, null, ReasoningState.Possible)!;
        Assert.True(required.Matches(call));
        Assert.False(required.CanBegin("Hello"));
        Assert.False(required.CanBegin(call.Replace("path", "nope", StringComparison.Ordinal) + "\0"));
        // Those with an argument of a wrong type, or without one that is required, cannot be written.
        Assert.False(required.Matches(call.Replace("\"x\"", "1", StringComparison.Ordinal))
            && call.Contains("\"x\"", StringComparison.Ordinal));
        if (conversation.Shape(s_tools, ToolUse.Auto, several: true, null, ReasoningState.Possible) is { } auto && marks != GptOss)
        {
            Assert.True(auto.Matches("Hello."));
            Assert.True(auto.Matches("Look: " + call));
        }
        // Where none is to be called, what is no call can still be written.
        var none = conversation.Shape(s_tools, ToolUse.None, several: true, null, ReasoningState.Possible)!;
        Assert.True(none.Matches(marks == GptOss ? "<|channel|>final<|message|>Hello." : "Hello."));
        Assert.Equal(call.StartsWith('{'), none.CanBegin(call));
    }

    [Fact]
    public void A_shape_begins_after_reasoning()
    {
        var shape = Of("<think></think>")
            .Shape([], ToolUse.Auto, true, Grammar.JsonSchema("""{"type":"integer"}"""), ReasoningState.Possible)!;
        Assert.Equal([true, true, false, false],
            new[] { "7", "<think>\nlet me see: 3+4\n</think>\n\n7", "<think>7", "<think></think>x" }.Select(shape.Matches));
        var within = Of("<think></think>")
            .Shape([], ToolUse.Auto, true, Grammar.JsonSchema("""{"type":"integer"}"""), ReasoningState.Begun)!;
        Assert.Equal([false, true], new[] { "7", "hm</think>7" }.Select(within.Matches));
        var over = Of("<think></think>").Shape([], ToolUse.Auto, true, Grammar.JsonSchema("""{"type":"integer"}"""), ReasoningState.Over)!;
        Assert.Equal([true, false], new[] { "7", "<think>hm</think>7" }.Select(over.Matches));
    }

    [Fact]
    public void A_strict_tool_that_cannot_be_enforced_is_refused_and_another_takes_any_object()
    {
        var schema = JsonDocument.Parse("""{"type":"object","properties":{"h":{"type":"string","format":"hostname"}}}""").RootElement;
        var refused =
            Assert.Throws<GrammarException>(() => Of(Hermes)
                .Shape([new("h", schema, Strict: true)], ToolUse.Required, true, null, ReasoningState.Possible));
        Assert.Contains("/properties/h/format", refused.Message);
        Assert.True(Of(Hermes).Shape([new("h", schema)], ToolUse.Required, true, null,
            ReasoningState.Possible)!.Matches("<tool_call>\n{\"name\": \"h\", \"arguments\": {\"x\": 1}}\n</tool_call>"));
    }

    [Fact]
    public void A_call_that_is_cut_stays_text_with_a_warning()
    {
        var reader = Of(Hermes).Read(s_tools, reasons: false);
        var parts = reader.Append("""<tool_call>{"name": "f", "arguments": {"path": "x""", ended: true);
        Assert.Equal("""<tool_call>{"name": "f", "arguments": {"path": "x""", string.Concat(parts.Select(p => p.Text)));
        Assert.Contains("cut", reader.Warning);
        Assert.Empty(reader.Calls);
    }

    /// <summary>Tokens of reasoning are counted with their marks, and those of the answer are not.</summary>
    [Theory]
    [InlineData("<think></think>", false, 4, "<think>", "\n", "hm", "</think>", "\n\n", "7", "<think>", "x")]
    [InlineData("<think></think>", true, 2, "hm", "</think>", "7")]
    [InlineData("<think></think>", false, 0, "7", "<think>", "hm", "</think>")]
    [InlineData("no thoughts", false, 0, "<think>", "hm")]
    [InlineData(GptOss, false, 7, "<|channel|>", "analysis", "<|message|>", "hm", "<|end|>", "<|start|>", "assistant", "<|channel|>",
        "final", "<|message|>", "7")]
    public void Reasoning_is_counted(string marks, bool begun, int expected, params string[] tokens)
    {
        var meter = Of(marks).Meter(begun);
        foreach (var token in tokens)
            meter.Append(new Generated { Token = 1, Text = token });
        Assert.InRange(meter.Tokens, expected - 2, expected);
        Assert.Equal(expected > 0, meter.Tokens > 0);
        Assert.False(meter.IsWithin);
    }

    /// <summary>
    /// The tools stay in the prompt where none is to be called: the next turn finds the prefix that the last one left in the cache.
    /// </summary>
    [Fact]
    public void The_prompt_does_not_depend_on_whether_tools_are_called()
    {
        var conversation = new Conversation(s_tokenizer.Value,
            ChatTemplate.Parse("{% if tools %}{{ tools | tojson }}{% endif %}{{ messages[0].content }}"));
        var request = new TurnRequest
        {
            Messages = [new JsonObject { ["role"] = "user", ["content"] = "Hi" }],
            Tools = [new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = "look_up" } }],
        };
        var prompts = Enum.GetValues<ToolUse>()
            .Select(use => s_tokenizer.Value.Decode(conversation.Prepare(request with { Use = use }).Prompt)).Distinct();
        Assert.Contains("look_up", Assert.Single(prompts));
        // What looks like a call all the same is text.
        var answer = conversation.Prepare(request with { Use = ToolUse.None }).NewAnswer();
        answer.Take(new Generated { Text = """<tool_call>{"name": "look_up"}</tool_call>""", Finish = FinishReason.Stop });
        Assert.Equal((0, true), (answer.Calls.Count, answer.Text.Contains("look_up", StringComparison.Ordinal)));
        Assert.Single(request.Messages);
    }

    /// <summary>An answer that is begun goes on from there, after a thought that the template began is ended.</summary>
    [Theory]
    [InlineData("{{ messages[0].content }}: ", "Hi: Once")]
    [InlineData("{{ messages[0].content }}: <think>\n{# </think> #}", "Hi: <think>\n\n</think>\n\nOnce")]
    public void An_answer_can_be_begun(string template, string expected)
    {
        var conversation = new Conversation(s_tokenizer.Value, ChatTemplate.Parse(template));
        var request = new TurnRequest { Messages = [new JsonObject { ["role"] = "user", ["content"] = "Hi" }], Prefill = "Once" };
        Assert.Equal(expected, s_tokenizer.Value.Decode(conversation.Prepare(request).Prompt));
        Assert.Throws<ArgumentException>(() => conversation.Prepare(request with { Use = ToolUse.Required }));
        Assert.Throws<ContextLengthException>(() => conversation.Prepare(request, maxTokens: 2));
    }
}
