using System.Text.Json.Nodes;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Clients.Agents;

/// <summary>
/// What Codex, Qwen Code and opencode send, in small: every field and kind of item that <see cref="AgentProgramTests"/> saw, with texts of
/// our own. It holds without the programs that what they ask for is answered.
/// </summary>
public class AgentRequestTests(SharedServer shared)
{
    const string Function =
        """{"type":"function","name":"exec","description":"Runs it.","strict":false,"parameters":{"type":"object","properties":{"cmd":{"type":"string","maxLength":4}},"required":["cmd"],"additionalProperties":false}}""";
    const string Nested =
        """{"type":"function","function":{"name":"exec","description":"Runs it.","parameters":{"type":"object","properties":{"cmd":{"type":"string"}},"required":["cmd"]}}}""";
    const string Space =
        """{"type":"namespace","name":"agents","description":"Others.","tools":[{"type":"function","name":"close","strict":false,"parameters":{"type":"object","properties":{"target":{"type":"string","maxLength":3}},"required":["target"],"additionalProperties":false}}]}""";
    const string Patch =
        """{"type":"custom","name":"patch","description":"Changes files.","format":{"type":"grammar","syntax":"SYNTAX","definition":"DEFINITION"}}""";

    // As it stands in JSON.
    const string Lark = """start: \"a\"+ \"b\"?""";

    static readonly string s_codex = $$"""
        {"model":"stories260K","stream":true,"store":false,"tool_choice":"auto","parallel_tool_calls":true,"reasoning":{"effort":"low","summary":"auto"},"include":["reasoning.encrypted_content"],"prompt_cache_key":"k",
         "client_metadata":{"session_id":"s"},"text":{"verbosity":"low"},"max_output_tokens":60,"seed":1,
         "tools":[{{Function}},{{Space}},{{Patch}},{"type":"tool_search","execution":"client"},{"type":"web_search","external_web_access":false,"search_content_types":["text"]}],
         "input":[{"type":"message","id":"m1","role":"developer","content":[{"type":"input_text","text":"Help."}]},{"type":"message","id":"m2","role":"user","content":[{"type":"input_text","text":"Read."}]},
          {"type":"reasoning","id":"r1","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}],"encrypted_content":null},
          {"type":"function_call","status":"completed","id":"f1","name":"exec","arguments":"{\"cmd\":\"ls\"}","call_id":"c1"},
          {"type":"function_call","status":"completed","id":"f2","name":"close","namespace":"agents","arguments":"{\"target\":\"a\"}","call_id":"c2"},
          {"type":"function_call_output","id":"o1","call_id":"c1","output":"a"},
          {"type":"function_call_output","id":"o2","call_id":"c2","output":[{"type":"input_image","image_url":"data:image/png;base64,AA==","detail":"high"}]},
          {"type":"custom_tool_call","id":"t1","status":"completed","call_id":"c3","name":"patch","input":"x"},
          {"type":"custom_tool_call_output","id":"o3","call_id":"c3","output":"done"}]}
        """.Replace("SYNTAX", "lark", StringComparison.Ordinal).Replace("DEFINITION", Lark, StringComparison.Ordinal);

    public static TheoryData<string, string> Requests => new()
    {
        { "/v1/responses", s_codex },
        // Qwen Code and opencode, by each API that they speak.
        { "/v1/responses",
            """{"model":"stories260K","instructions":"Help.","stream":true,"prompt_cache_key":"k","store":false,"tool_choice":"auto","parallel_tool_calls":true,"max_output_tokens":4,"tools":[FUNCTION],"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Read."}]},{"type":"function_call","call_id":"c","name":"exec","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"1x1"},{"type":"message","role":"user","content":[{"type":"input_text","text":"(attached)"},{"type":"input_image","image_url":"data:image/png;base64,AA=="}]}]}""".Replace("FUNCTION", Function, StringComparison.Ordinal).Replace("NESTED", Nested, StringComparison.Ordinal) },
        { "/v1/responses",
            """{"model":"stories260K","store":false,"stream":true,"prompt_cache_key":"k","max_output_tokens":4,"tool_choice":"auto","tools":[FUNCTION],"input":[{"role":"system","content":"Help."},{"role":"user","content":[{"type":"input_text","text":"Read."}]}]}""".Replace("FUNCTION", Function, StringComparison.Ordinal).Replace("NESTED", Nested, StringComparison.Ordinal) },
        { "/v1/messages",
            """{"model":"stories260K","max_tokens":4,"temperature":1,"thinking":{"type":"enabled","budget_tokens":4},"stream":true,"system":[{"type":"text","text":"Help.","cache_control":{"type":"ephemeral"}}],"tools":[{"name":"exec","description":"Runs it.","input_schema":{"type":"object","properties":{"cmd":{"type":"string"}}},"cache_control":{"type":"ephemeral"}}],"tool_choice":{"type":"auto"},"messages":[{"role":"user","content":[{"type":"text","text":"Read."}]},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"exec","input":{"cmd":"ls"},"cache_control":{"type":"ephemeral"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"1x1"},{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"AA=="}}],"cache_control":{"type":"ephemeral"}},{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"AA=="}}]}]}""".Replace("FUNCTION", Function, StringComparison.Ordinal).Replace("NESTED", Nested, StringComparison.Ordinal) },
        { "/v1/chat/completions",
            """{"model":"stories260K","max_tokens":4,"stream":true,"stream_options":{"include_usage":true},"tool_choice":"auto","tools":[NESTED],"messages":[{"role":"system","content":"Help."},{"role":"user","content":[{"type":"text","text":"Read."}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"exec","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"1x1"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]},{"role":"user","content":[{"type":"text","text":"(attached)"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]}""".Replace("FUNCTION", Function, StringComparison.Ordinal).Replace("NESTED", Nested, StringComparison.Ordinal) },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task What_they_send_is_answered(string path, string body)
    {
        var response = await (await shared.GetAsync()).PostAsync(path, body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        Assert.DoesNotContain("response.failed", text);
        Assert.DoesNotContain("\"error\":{", text);
    }

    [Theory]
    [InlineData("function", "agents__close", "", "")]
    [InlineData("function", "close", ",\"namespace\":\"agents\"", "")]
    [InlineData("custom", "patch", "", "a+b?")]
    [InlineData("custom", "patch", "", "a+b?", false)]
    public async Task Calls_come_back_as_the_client_knows_its_tools(string type, string name, string more,
        string pattern, bool isRegex = true)
    {
        var body = (isRegex ? s_codex.Replace("\"lark\"", "\"regex\"", StringComparison.Ordinal)
            .Replace(Lark, pattern.Length > 0 ? pattern : "a*", StringComparison.Ordinal) : s_codex)
            .Replace("\"tool_choice\":\"auto\"", $"\"tool_choice\":{{\"type\":\"{type}\",\"name\":\"{name}\"{more}}}",
                StringComparison.Ordinal).Replace("\"parallel_tool_calls\":true", "\"parallel_tool_calls\":false", StringComparison.Ordinal)
            .Replace("\"max_output_tokens\":60", "\"max_output_tokens\":400", StringComparison.Ordinal);
        var response = await (await shared.GetAsync()).PostAsync("/v1/responses", body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        var events = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
            .Select(e => JsonNode.Parse(e.Split("\ndata: ")[1])!).ToList();
        foreach (var item in events.Where(e => (string)e["type"]! is "response.output_item.added" or "response.output_item.done")
            .Select(e => e["item"]!))
            Assert.Equal(type == "custom" ? ("custom_tool_call", "patch", null) : ("function_call", "close", "agents"),
                ((string)item["type"]!, (string)item["name"]!, (string?)item["namespace"]));
        var done = events.Single(e => (string)e["type"]! == "response.output_item.done")["item"]!;
        if (type == "custom")
            Assert.Matches($"^(?:{pattern})$", (string)done["input"]!);
        else
            Assert.NotNull(JsonNode.Parse((string)done["arguments"]!)!["target"]);
    }

    [Fact]
    public async Task A_grammar_that_cannot_be_enforced_is_refused_by_its_line()
    {
        var response = await (await shared.GetAsync()).PostAsync("/v1/responses",
            s_codex.Replace("start: ", "%ignore WS\\nstart: ", StringComparison.Ordinal));
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains("line 1", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_picture_of_the_user_s_own_is_refused()
    {
        var response = await (await shared.GetAsync()).PostAsync("/v1/chat/completions",
            """{"messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]}""");
        Assert.Contains("read text only", await response.Content.ReadAsStringAsync());
        Assert.Equal(400, (int)response.StatusCode);
    }
}
