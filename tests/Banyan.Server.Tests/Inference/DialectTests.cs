using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Inference;

/// <summary>
/// The same small models behind OpenAI's, Anthropic's, Ollama's and llama-server's APIs: text, forced calls, streams, errors in each one's
/// shape.
/// </summary>
public class DialectTests(SharedServer shared)
{
    const string Schema =
        """{"type":"object","properties":{"path":{"type":"string","maxLength":4},"n":{"type":"integer","minimum":1,"maximum":9}},"required":["path","n"],"additionalProperties":false}""";

    async Task<JsonElement> Post(string path, string body) =>
        await (await shared.GetAsync()).PostJsonAsync(path, body.Replace("SCHEMA", Schema, StringComparison.Ordinal));

    static void CheckArguments(JsonElement arguments)
    {
        Assert.Equal(["path", "n"], arguments.EnumerateObject().Select(p => p.Name));
        Assert.InRange(arguments.GetProperty("n").GetInt32(), 1, 9);
    }

    [Theory]
    [InlineData("\"required\"")]
    [InlineData("""{"type":"function","function":{"name":"read"}}""")]
    public async Task OpenAi_forces_a_call(string choice)
    {
        var answer = await Post("/v1/chat/completions",
            """{"messages":[{"role":"user","content":"read it"}],"tools":[{"type":"function","function":{"name":"read","parameters":SCHEMA}}],"parallel_tool_calls":false,"seed":1,"tool_choice":""" + choice + "}");
        var message = answer.GetProperty("choices")[0].GetProperty("message");
        var call = message.GetProperty("tool_calls")[0];
        Assert.Equal(("tool_calls", "read", "function"),
            (answer.GetProperty("choices")[0].GetProperty("finish_reason").GetString(),
                call.GetProperty("function").GetProperty("name").GetString(), call.GetProperty("type").GetString()));
        CheckArguments(JsonDocument.Parse(call.GetProperty("function").GetProperty("arguments").GetString()!).RootElement);
        Assert.Equal(JsonValueKind.Null, message.GetProperty("content").ValueKind);
    }

    [Fact]
    public async Task OpenAi_streams_arguments_as_they_come()
    {
        var events = await (await shared.GetAsync()).PostStreamAsync("/v1/chat/completions",
            """{"messages":[{"role":"user","content":"read it"}],"stream":true,"parallel_tool_calls":false,"seed":2,"tool_choice":"required","tools":[{"type":"function","function":{"name":"read","parameters":SCHEMA}}]}""".Replace("SCHEMA", Schema, StringComparison.Ordinal));
        var deltas = events.Select(e => e.GetProperty("choices")[0].GetProperty("delta")).Where(d => d.TryGetProperty("tool_calls", out _))
            .Select(d => d.GetProperty("tool_calls")[0]).ToList();
        Assert.Equal("read", deltas[0].GetProperty("function").GetProperty("name").GetString());
        Assert.StartsWith("call_", deltas[0].GetProperty("id").GetString());
        Assert.All(deltas[1..], d => Assert.False(d.TryGetProperty("id", out _)));
        Assert.True(deltas.Count > 3);
        CheckArguments(
            JsonDocument.Parse(
                string.Concat(deltas.Select(d => d.GetProperty("function").GetProperty("arguments").GetString()))).RootElement);
        Assert.Equal("tool_calls", events[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Responses_call_stream_and_go_on()
    {
        var server = await shared.GetAsync();
        const string tools =
            """ "tools":[{"type":"function","name":"read","parameters":SCHEMA},{"type":"custom","name":"patch"},{"type":"web_search"},{"type":"namespace","name":"ns","tools":[{"type":"function","name":"f"}]}],"parallel_tool_calls":false """;
        var called = await Post("/v1/responses",
            """{"model":"stories260K","input":"read it","seed":1,"tool_choice":{"type":"function","name":"read"},""" + tools + "}");
        var call = called.GetProperty("output").EnumerateArray().Single();
        Assert.Equal(("completed", "function_call"), (called.GetProperty("status").GetString(), call.GetProperty("type").GetString()));
        CheckArguments(JsonDocument.Parse(call.GetProperty("arguments").GetString()!).RootElement);

        // The next request sends the result alone.
        var next = await Post("/v1/responses",
            $$"""{"model":"stories260K","previous_response_id":"{{called.GetProperty("id").GetString()}}","max_output_tokens":3,"input":[{"type":"function_call_output","call_id":"{{call.GetProperty("call_id").GetString()}}","output":"text"}]}""");
        Assert.Equal("incomplete", next.GetProperty("status").GetString());
        Assert.True(next.GetProperty("usage").GetProperty("input_tokens").GetInt32() > called.GetProperty("usage")
            .GetProperty("input_tokens").GetInt32());
        Assert.Equal(404,
            (int)(await server.PostAsync("/v1/responses", """{"input":"a","previous_response_id":"resp_none"}""")).StatusCode);

        var response = await server.PostAsync("/v1/responses",
            ("""{"model":"stories260K","input":[{"role":"user","content":[{"type":"input_text","text":"patch"}]}],"stream":true,"max_output_tokens":60,"seed":3,"tool_choice":{"type":"custom","name":"patch"},""" + tools + "}").Replace("SCHEMA", Schema, StringComparison.Ordinal));
        var events = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
            .Select(e => JsonDocument.Parse(e.Split("\ndata: ")[1]).RootElement).ToList();
        Assert.Equal(Enumerable.Range(0, events.Count), events.Select(e => e.GetProperty("sequence_number").GetInt32()));
        Assert.Equal(["response.created", "response.in_progress", "response.output_item.added"],
            events.Take(3).Select(e => e.GetProperty("type").GetString()));
        Assert.Equal("custom_tool_call", events[2].GetProperty("item").GetProperty("type").GetString());
        Assert.Contains(events[^1].GetProperty("type").GetString(), new[] { "response.completed", "response.incomplete" });
    }

    [Fact]
    public async Task Anthropic_message_and_count()
    {
        const string body =
            """{"model":"stories260K","max_tokens":4,"temperature":0,"system":[{"type":"text","text":"x-anthropic-billing-header: cch=1;"},{"type":"text","text":"Be kind."}],"messages":[{"role":"user","content":[{"type":"text","text":"Once"}]}]}""";
        var answer = await Post("/v1/messages", body);
        Assert.Equal(("message", "assistant", "max_tokens"),
            (answer.GetProperty("type").GetString(), answer.GetProperty("role").GetString(),
                answer.GetProperty("stop_reason").GetString()));
        Assert.NotEqual("", answer.GetProperty("content")[0].GetProperty("text").GetString());
        var usage = answer.GetProperty("usage");
        Assert.Equal(4, usage.GetProperty("output_tokens").GetInt32());
        var count = await Post("/v1/messages/count_tokens", body);
        Assert.Equal(count.GetProperty("input_tokens").GetInt32(),
            usage.GetProperty("input_tokens").GetInt32() + usage.GetProperty("cache_read_input_tokens").GetInt32());
        // The billing header's number is no part of the prompt.
        Assert.Equal(count.GetProperty("input_tokens").GetInt32(),
            (await Post("/v1/messages/count_tokens", body.Replace("cch=1", "cch=987654321", StringComparison.Ordinal))).GetProperty(
                "input_tokens").GetInt32());
    }

    [Fact]
    public async Task Anthropic_forces_and_streams_a_call()
    {
        var server = await shared.GetAsync();
        var body =
            """{"model":"stories260K","max_tokens":200,"messages":[{"role":"user","content":"read"},{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"read","input":{"path":"a","n":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"text"},{"type":"text","text":"again"}]}],"tools":[{"name":"read","input_schema":SCHEMA}],"tool_choice":{"type":"tool","name":"read","disable_parallel_tool_use":true}}""".Replace("SCHEMA", Schema, StringComparison.Ordinal);
        var block = (await server.PostJsonAsync("/v1/messages", body)).GetProperty("content").EnumerateArray().Last();
        Assert.Equal("tool_use", block.GetProperty("type").GetString());
        CheckArguments(block.GetProperty("input"));

        var response = await server.PostAsync("/v1/messages", body[..^1] + ",\"stream\":true}");
        var events = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
            .Select(e => JsonDocument.Parse(e.Split("\ndata: ")[1]).RootElement).ToList();
        Assert.Equal("message_start", events[0].GetProperty("type").GetString());
        Assert.Equal("message_stop", events[^1].GetProperty("type").GetString());
        Assert.Equal("tool_use", events[^2].GetProperty("delta").GetProperty("stop_reason").GetString());
        var json = string.Concat(events.Where(e => e.GetProperty("type").GetString() == "content_block_delta")
            .Select(e => e.GetProperty("delta").TryGetProperty("partial_json", out var p) ? p.GetString() : ""));
        CheckArguments(JsonDocument.Parse(json).RootElement);
    }

    [Fact]
    public async Task Anthropic_models_are_at_the_same_address()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        request.Headers.Add("anthropic-version", "2023-06-01");
        var models = await (await (await shared.GetAsync()).Client.SendAsync(request)).Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("model", models.GetProperty("data")[0].GetProperty("type").GetString());
        Assert.Equal(TestServer.Stories, models.GetProperty("first_id").GetString());
    }

    [Fact]
    public async Task Ollama_chat_streams_lines_and_ends_with_counts()
    {
        var response = await (await shared.GetAsync()).PostAsync("/api/chat",
            """{"model":"stories260K:latest","messages":[{"role":"user","content":"Once"}],"options":{"num_predict":5,"temperature":0,"num_ctx":4096},"keep_alive":"5m"}""");
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.True(lines.Count > 2);
        Assert.All(lines[..^1], l => Assert.False(l.GetProperty("done").GetBoolean()));
        Assert.Equal((true, "length", 5),
            (lines[^1].GetProperty("done").GetBoolean(), lines[^1].GetProperty("done_reason").GetString(),
                lines[^1].GetProperty("eval_count").GetInt32()));
    }

    [Fact]
    public async Task Ollama_generates_in_a_format_calls_and_loads()
    {
        var generated = await Post("/api/generate",
            """{"model":"stories260K","prompt":"Once","stream":false,"format":SCHEMA,"options":{"seed":3}}""");
        CheckArguments(JsonDocument.Parse(generated.GetProperty("response").GetString()!).RootElement);
        Assert.Equal("load", (await Post("/api/generate", """{"model":"stories260K"}""")).GetProperty("done_reason").GetString());
        Assert.Equal("load", (await Post("/api/chat", """{"model":"stories260K","messages":[]}""")).GetProperty("done_reason").GetString());
    }

    [Fact]
    public async Task Ollama_tells_what_is_here()
    {
        var client = (await shared.GetAsync()).Client;
        Assert.Contains(TestServer.Coder, (await client.GetFromJsonAsync<JsonElement>("/api/tags")).GetProperty("models").EnumerateArray()
            .Select(m => m.GetProperty("name").GetString()));
        Assert.Equal("0.13.0", (await client.GetFromJsonAsync<JsonElement>("/api/version")).GetProperty("version").GetString());
        Assert.NotEmpty((await client.GetFromJsonAsync<JsonElement>("/api/ps")).GetProperty("models").EnumerateArray());
        var shown = await Post("/api/show", """{"model":"qwen2-tiny-f32"}""");
        Assert.Contains("insert", shown.GetProperty("capabilities").EnumerateArray().Select(c => c.GetString()));
        Assert.True(shown.GetProperty("model_info").GetProperty("qwen2.context_length").GetInt32() > 0);
    }

    [Fact]
    public async Task LlamaServer_tokenizes_and_tells_its_properties()
    {
        var tokens = (await Post("/tokenize", """{"content":"Once upon a time"}""")).GetProperty("tokens");
        Assert.Equal("Once upon a time",
            (await Post("/detokenize", $$"""{"tokens":{{tokens.GetRawText()}}}""")).GetProperty("content").GetString()!.Trim());
        Assert.Contains("<|im_start|>user\nhi<|im_end|>",
            (await Post("/apply-template", """{"model":"qwen2-tiny-f32","messages":[{"role":"user","content":"hi"}]}""")).GetProperty(
                "prompt").GetString());
        var props = await (await shared.GetAsync()).Client.GetFromJsonAsync<JsonElement>("/props");
        Assert.Contains("im_start", props.GetProperty("chat_template").GetString());
    }

    // Every field of every API with values of every wrong type, sign and size: that API's own error or an answer, never the server's fault.
    public static TheoryData<string, string> Requests => new()
    {
        { "/v1/chat/completions",
            """{"model":"stories260K","messages":[{"role":"user","content":"a"}],"max_tokens":1,"temperature":0,"top_p":1,"n":1,"stream":false,"post_sampling_probs":true,"return_progress":true,"lora":[],"tools":[{"type":"function","function":{"name":"f","parameters":{},"strict":false}}],"tool_choice":"auto","parallel_tool_calls":true,"reasoning_effort":"low","reasoning_budget":5,"continue_final_message":false,"response_format":{"type":"text"},"stop":["x"],"seed":1,"logit_bias":{},"chat_template_kwargs":{}}""" },
        { "/v1/responses",
            """{"model":"stories260K","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]}],"instructions":"i","max_output_tokens":1,"temperature":0,"stream":false,"store":false,"tools":[{"type":"function","name":"f","parameters":{},"strict":false}],"tool_choice":"auto","text":{"format":{"type":"text"}},"reasoning":{"effort":"low"},"previous_response_id":""}""" },
        { "/v1/messages",
            """{"model":"stories260K","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"system":"s","temperature":0,"top_p":1,"top_k":1,"stop_sequences":["x"],"stream":false,"thinking":{"type":"disabled","budget_tokens":1},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"integer"}}},"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto"}}""" },
        { "/api/chat",
            """{"model":"stories260K","messages":[{"role":"user","content":"a"}],"stream":false,"options":{"num_predict":1,"temperature":0,"num_ctx":5,"seed":1,"stop":["x"]},"format":"json","think":false,"keep_alive":"5m","tools":[{"type":"function","function":{"name":"f","parameters":{}}}]}""" },
        { "/api/generate",
            """{"model":"stories260K","prompt":"a","stream":false,"options":{"num_predict":1},"raw":true,"system":"s","suffix":"","format":"","think":false,"images":[]}""" },
        { "/api/show", """{"model":"stories260K","verbose":false}""" },
        { "/completion",
            """{"model":"stories260K","prompt":["a",[1,"b"]],"n_predict":1,"temperature":0,"stop":["x"],"n_probs":1,"stream":false,"return_tokens":true,"cache_prompt":true,"grammar":"","ignore_eos":true,"post_sampling_probs":true,"return_progress":true,"lora":[]}""" },
        { "/lora-adapters", """[{"id":0,"scale":0.5}]""" },
        { "/v1/embeddings", """{"model":"stories260K","input":["a",[1,2]],"encoding_format":"float","dimensions":2,"user":"u"}""" },
        { "/embedding", """{"model":"stories260K","content":["a",[1,2]],"embd_normalize":2}""" },
        { "/api/embed", """{"model":"stories260K","input":["a"],"truncate":true,"dimensions":2,"options":{},"keep_alive":"5m"}""" },
        { "/api/embeddings", """{"model":"stories260K","prompt":"a","keep_alive":0}""" },
        { "/v1/rerank", """{"model":"stories260K","query":"a","documents":["b"],"top_n":1}""" },
        { "/tokenize", """{"content":"a","add_special":false,"parse_special":true,"with_pieces":false}""" },
        { "/detokenize", """{"tokens":[1]}""" },
        { "/apply-template", """{"messages":[{"role":"user","content":"a"}]}""" },
    };

    [Theory, MemberData(nameof(Requests))]
    public async Task A_wrong_field_is_that_apis_own_error(string path, string body)
    {
        var server = await shared.GetAsync();
        string[] wrong = ["null", "true", "-1", "1e30", "\"\\ud83d\"", "\"zzz\"", "[null]", "[{}]", "{}"];
        var answers = new List<string>();
        foreach (var (place, value) in Sampled.Of(Places(JsonNode.Parse(body)!, [])
            .SelectMany(place => wrong.Select(value => (place, value))), 60))
        {
            var changed = JsonNode.Parse(body)!;
            Set(changed, place, value.Contains("\\ud", StringComparison.Ordinal) ? JsonValue.Create("HALF") : JsonNode.Parse(value));
            var sent = changed.ToJsonString().Replace("HALF", "\\ud83d", StringComparison.Ordinal);
            using var response = await server.PostAsync(path, sent);
            var text = await response.Content.ReadAsStringAsync();
            Assert.True((int)response.StatusCode < 500, $"{(int)response.StatusCode} for {sent}: {text}");
            if (response.IsSuccessStatusCode)
                continue;
            var error = JsonDocument.Parse(text).RootElement;
            if (path.StartsWith("/api/", StringComparison.Ordinal))
                Assert.Equal(JsonValueKind.String, error.GetProperty("error").ValueKind);
            else
                Assert.NotEqual("", error.GetProperty("error").GetProperty("message").GetString());
            if (path == "/v1/messages")
                Assert.Equal("error", error.GetProperty("type").GetString());
            answers.Add(text);
        }
        Assert.NotEmpty(answers);
    }

    static IEnumerable<object[]> Places(JsonNode node, object[] at) => node switch
    {
        JsonObject o =>
            o.SelectMany(p => (IEnumerable<object[]>)[[.. at, p.Key], .. p.Value is { } inner ? Places(inner, [.. at, p.Key]) : []]),
        JsonArray a => a.SelectMany((item, i) => (IEnumerable<object[]>)[[.. at, i], .. item is not null ? Places(item, [.. at, i]) : []]),
        _ => [],
    };

    static void Set(JsonNode root, object[] place, JsonNode? value)
    {
        foreach (var step in place[..^1])
            root = step is string name ? root[name]! : root[(int)step]!;
        if (place[^1] is string last)
            root[last] = value;
        else
            root[(int)place[^1]] = value;
    }
}
