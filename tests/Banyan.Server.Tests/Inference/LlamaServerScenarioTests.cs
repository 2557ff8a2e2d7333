using System.Net;
using System.Text.Json;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Inference;

/// <summary>What llama.cpp tests of its own server and no other test here does: see docs/llama-server-tests.md.</summary>
public class LlamaServerScenarioTests(SharedServer shared)
{
    const string Completion = "/completion", Chat = "/chat/completions";

    static readonly string[] s_words = ["the", "to", "a", "was", "and", "she", "her", "little", "girl", "Lily"];

    async Task<JsonElement> Post(string path, object body) => await (await shared.GetAsync()).PostJsonAsync(path, body);

    static string Content(JsonElement answer) => answer.GetProperty("content").GetString()!;

    [Theory]
    [InlineData(0, 1, 1, true)]
    [InlineData(0, 1, 2, true)]
    [InlineData(1, 1, 1, true)]
    [InlineData(1, 1, 2, false)]
    public async Task A_seed_repeats_an_answer_and_another_gives_another(float temperature, int seed, int other, bool same)
    {
        var answers =
            await Task.WhenAll(((int[])[seed, other, seed]).Select(s =>
                Post(Completion, new { prompt = "Once upon a time", n_predict = 16, temperature, seed = s, cache_prompt = false })));
        Assert.Equal(Content(answers[0]), Content(answers[2]));
        Assert.Equal(same, Content(answers[0]) == Content(answers[1]));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Words_lose_their_chance_by_text_or_by_token(bool asTokens, bool asObject)
    {
        var free = Content(await Post(Completion, new { prompt = "Once upon a time", n_predict = 32, temperature = 0 }));
        Assert.Contains(s_words, w => free.Contains($" {w} ", StringComparison.Ordinal));
        var keys = asTokens
            ? (await Post("/tokenize", new { content = " " + string.Join(' ', s_words) + " " })).GetProperty("tokens").EnumerateArray()
            .Select(t => (object)t.GetInt32()).Distinct().ToArray()
            : [.. s_words.Select(w => (object)$" {w}")];
        object bias = asObject ? keys.ToDictionary(k => $"{k}", _ => -100) : keys.Select(k => (object[])[k, -100]).ToArray();
        var text = Content(await Post(Completion, new { prompt = "Once upon a time", n_predict = 32, temperature = 0, logit_bias = bias }));
        Assert.DoesNotContain(s_words, w => text.Contains($" {w} ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_answer_has_the_fields_that_are_asked_for()
    {
        var answer =
            await Post(Completion,
                new
                {
                    prompt = "Once upon",
                    n_predict = 3,
                    response_fields = (string[])["content", "generation_settings/n_predict", "prompt", "nothing/here"]
                });
        Assert.Equal(["content", "generation_settings/n_predict", "prompt"], answer.EnumerateObject().Select(p => p.Name));
        Assert.Equal(3, answer.GetProperty("generation_settings/n_predict").GetInt32());
        var all = await Post(Completion, new { prompt = "Once upon", n_predict = 3, response_fields = Array.Empty<string>() });
        Assert.True(all.TryGetProperty("timings", out _));
        var last =
            (await (await shared.GetAsync()).PostStreamAsync(Completion,
                new { prompt = "Once upon", n_predict = 3, stream = true, response_fields = (string[])["stop_type"] }, done: false))[^1];
        Assert.Equal("""{"stop_type":"limit"}""", last.GetRawText());
    }

    [Fact]
    public async Task An_answer_that_fills_the_context_is_told_to_be_cut()
    {
        var answers =
            await Task.WhenAll(
                ((int[])[8, -1]).Select(n => Post(Completion,
                    new { prompt = "Hi how are you", n_predict = n, ignore_eos = true, temperature = 0 })));
        Assert.Equal([false, true], answers.Select(a => a.GetProperty("truncated").GetBoolean()));
        Assert.Equal(8, answers[0].GetProperty("timings").GetProperty("predicted_n").GetInt32());
    }

    /// <summary>OpenAI's addresses without the version.</summary>
    [Theory]
    [InlineData(Chat, """{"messages":[{"role":"user","content":"a"}],"max_tokens":1}""", "choices")]
    [InlineData("/responses", """{"input":"a","max_output_tokens":1}""", "output")]
    [InlineData("/completions", """{"prompt":"a","n_predict":1}""", "content")]
    [InlineData("/embeddings", """{"input":"a"}""", null)]
    public async Task Addresses_need_no_version(string path, string body, string? field)
    {
        var answer = await Post(path, body);
        Assert.True(field is null ? answer.ValueKind == JsonValueKind.Array : answer.TryGetProperty(field, out _));
    }

    [Theory]
    [InlineData("""{"type":"json_object","schema":{"const":"42"}}""", "^\"42\"$")]
    [InlineData("""{"type":"json_object","schema":{"items":[{"type":"integer"}],"maxItems":1}}""", "^[^\0]*$")]
    [InlineData("""{"type":"json_schema","json_schema":{"schema":{"const":"foooooo"}}}""", "^\"foooooo\"$")]
    [InlineData("""{"type":"json_object"}""", "^\\{")]
    [InlineData("""{"type":"sound"}""", null)]
    [InlineData("""{"type":"json_object","schema":123}""", null)]
    [InlineData("""{"type":"json_object","schema":{"type":123}}""", null)]
    [InlineData("""{"type":"json_object","schema":{"type":"hiccup"}}""", null)]
    public async Task A_response_format_holds_or_is_refused(string format, string? pattern)
    {
        var response = await (await shared.GetAsync()).PostAsync(Chat,
            $$"""{"messages":[{"role":"user","content":"Write an example"}],"max_tokens":40,"seed":1,"response_format":{{format}}}""");
        Assert.Equal(pattern is null ? HttpStatusCode.BadRequest : HttpStatusCode.OK, response.StatusCode);
        if (pattern is not null)
            Assert.Matches(pattern,
                JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("choices")[0].GetProperty("message")
                    .GetProperty("content").GetString());
    }

    [Theory]
    [InlineData(Chat, """{"messages":null}""")]
    [InlineData(Chat, """{"messages":"string"}""")]
    [InlineData(Chat, """{"messages":[123]}""")]
    [InlineData(Chat, """{"messages":[{}]}""")]
    [InlineData(Chat, """{"messages":[{"role":123}]}""")]
    [InlineData(Chat, """{"messages":[{"role":"system","content":123}]}""")]
    [InlineData(Chat, """{"messages":[{"role":"system","content":"test"},{}]}""")]
    [InlineData("/infill", """{"input_extra":[{}],"input_prefix":"a"}""")]
    [InlineData("/infill", """{"input_extra":[{"filename":"ok"}],"input_prefix":"a"}""")]
    [InlineData("/infill", """{"input_extra":[{"filename":123,"text":"abc"}],"input_prefix":"a"}""")]
    [InlineData("/infill", """{"input_extra":[{"filename":"a","text":456}],"input_prefix":"a"}""")]
    [InlineData(Completion, """{"prompt":"a","response_fields":[1]}""")]
    [InlineData(Completion, """{"prompt":"a","logit_bias":[["",-100]]}""")]
    [InlineData(Completion, """{"prompt":"a","lora":[{"id":0,"scale":1}]}""")]
    [InlineData(Completion, """{"prompt":"a","lora":[{"scale":1}]}""")]
    [InlineData(Completion, """{"prompt":"a","lora":[1]}""")]
    [InlineData("/v1/messages", """{"model":"stories260K","max_tokens":50}""")]
    [InlineData("/v1/messages",
        """{"model":"stories260K","max_tokens":50,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}]}]}""")]
    public async Task What_is_wrong_is_refused(string path, string body)
    {
        var response = await (await shared.GetAsync()).PostAsync(path,
            body.Replace("\"input_extra\"", "\"model\":\"qwen2-tiny-f32\",\"input_extra\"", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.True(JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.TryGetProperty("error", out _));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_conversation_beyond_the_context_is_refused_before_a_stream_begins(bool stream)
    {
        var messages = Enumerable.Repeat(new { role = "user", content = "What is the best book of all that were ever written?" }, 100);
        var response = await (await shared.GetAsync()).PostAsync(Chat, new { messages, stream });
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("context_length_exceeded", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("""[{"role":"assistant","content":"Whill"}]""")]
    [InlineData("""[{"role":"assistant","content":[{"type":"text","text":"Wh"},{"type":"text","text":"ill"}]}]""")]
    public async Task An_answer_that_is_begun_ends_the_prompt(string last)
    {
        var answer = await Post("/apply-template",
            $$"""{"messages":[{"role":"user","content":"a"},{{last[1..^1]}}],"continue_final_message":true}""");
        Assert.EndsWith("<|im_start|>assistant\nWhill", answer.GetProperty("prompt").GetString());
    }

    [Fact]
    public async Task A_template_is_applied_as_a_chat_would()
    {
        object[] messages = [new { role = "system", content = "You are a test." }, new { role = "user", content = "Hi there" }];
        var prompt = (await Post("/apply-template", new { messages })).GetProperty("prompt").GetString()!;
        Assert.EndsWith("<|im_start|>system\nYou are a test.<|im_end|>\n<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\n",
            prompt);
        var without =
            (await Post("/apply-template",
                new
                {
                    messages,
                    add_generation_prompt = false,
                    tools = (object[])[new { type = "function", function = new { name = "f" } }]
                })).GetProperty("prompt").GetString()!;
        Assert.EndsWith("Hi there<|im_end|>\n", without);
    }

    /// <summary>Characters of several tokens come back whole.</summary>
    [Fact]
    public async Task A_prompt_is_told_as_it_was()
    {
        const string text = "unicode 媽 and 🤗";
        Assert.EndsWith(text, (await Post(Completion, new { prompt = text, n_predict = 1 })).GetProperty("prompt").GetString());
        Assert.Contains(text,
            (await Post("/apply-template", new { messages = (object[])[new { role = "user", content = text }] })).GetProperty("prompt")
                .GetString());
    }

    [Fact]
    public async Task A_part_of_a_character_is_told_as_bytes()
    {
        var tokens = (await Post("/tokenize", new { content = "unicode 媽 and 🤗", with_pieces = true })).GetProperty("tokens")
            .EnumerateArray().ToList();
        var bytes = tokens.SelectMany(t => t.GetProperty("piece") is { ValueKind: JsonValueKind.Array } part
            ? part.EnumerateArray().Select(b => b.GetByte()) : System.Text.Encoding.UTF8.GetBytes(t.GetProperty("piece").GetString()!))
            .ToArray();
        Assert.Equal("unicode 媽 and 🤗", System.Text.Encoding.UTF8.GetString(bytes).TrimStart());
        Assert.Contains(tokens, t => t.GetProperty("piece").ValueKind == JsonValueKind.Array);
    }

    [Theory]
    [InlineData("/slots/0?action=save", """{"filename":"a.bin"}""")]
    [InlineData("/slots/1?action=erase", "{}")]
    public async Task What_is_not_done_here_is_said_by_name(string path, string body)
    {
        var response = await (await shared.GetAsync()).PostAsync(path, body);
        Assert.Equal(HttpStatusCode.NotImplemented, response.StatusCode);
        Assert.Equal("not_supported_error", JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error")
            .GetProperty("type").GetString());
    }

    [Fact]
    public async Task A_prompt_is_found_in_the_cache_after_others_were_answered()
    {
        var prompt = string.Concat(Enumerable.Repeat("There lived a brave knight who went over the hills. ", 8));
        Assert.Equal(0, (await Post(Completion, new { prompt, n_predict = 2 })).GetProperty("timings").GetProperty("cache_n").GetInt32());
        await Task.WhenAll(Enumerable.Range(0, 3)
            .Select(i => Post(Completion, new { prompt = $"The quick brown fox {i}", n_predict = 2 })));
        Assert.True((await Post(Completion, new { prompt = prompt + "At the end", n_predict = 2 })).GetProperty("timings")
            .GetProperty("cache_n").GetInt32() >= 64);
    }

    [Fact]
    public async Task Tools_that_are_not_to_be_called_leave_the_prompt_in_the_cache()
    {
        // The templates of the models here show no tools: what is told of the prompt is its length.
        object Body(string choice) =>
            new
            {
                messages = (object[])[new { role = "user", content = "Say hello" }],
                tools = (object[])[new { type = "function", function = new { name = "python" } }],
                tool_choice = choice,
                max_tokens = 8
            };
        var (auto, none) = (await Post(Chat, Body("auto")), await Post(Chat, Body("none")));
        Assert.Equal(auto.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(),
            none.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        Assert.False(none.GetProperty("choices")[0].GetProperty("message").TryGetProperty("tool_calls", out _));
    }
}
