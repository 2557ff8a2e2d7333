using System.Net;
using System.Text;
using System.Text.Json;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Inference;

public class ErrorTests(SharedServer shared)
{
    const string Chat = "/v1/chat/completions", Completions = "/v1/completions", Hi = """[{"role":"user","content":"hi"}]""";

    [Theory]
    [InlineData(Completions, "{", 400, null, "invalid_json")]
    [InlineData(Completions, "", 400, null, "invalid_json")]
    [InlineData(Completions, "[]", 400, null, null)]
    [InlineData(Completions, "{}", 400, "prompt", "missing_required_parameter")]
    [InlineData(Completions, """{"prompt":null}""", 400, "prompt", "missing_required_parameter")]
    [InlineData(Completions, """{"prompt":5}""", 400, "prompt", "invalid_type")]
    [InlineData(Completions, """{"prompt":[]}""", 400, "prompt", "invalid_value")]
    [InlineData(Completions, """{"prompt":["a",1]}""", 400, "prompt", "invalid_type")]
    [InlineData(Completions, """{"prompt":[99999999]}""", 400, "prompt", "invalid_value")]
    [InlineData(Completions, """{"prompt":[-1]}""", 400, "prompt", "invalid_value")]
    [InlineData(Completions, """{"prompt":[1.5]}""", 400, "prompt", "invalid_value")]
    [InlineData(Completions, """{"prompt":"\ud800"}""", 400, "prompt", "invalid_value")]
    [InlineData(Completions, """{"prompt":"a","model":"nobody"}""", 404, "model", "model_not_found")]
    [InlineData(Completions, """{"prompt":"a","model":7}""", 400, "model", "invalid_type")]
    [InlineData(Completions, """{"prompt":"a","max_tokens":"8"}""", 400, "max_tokens", "invalid_type")]
    [InlineData(Completions, """{"prompt":"a","max_tokens":1.5}""", 400, "max_tokens", "invalid_type")]
    [InlineData(Completions, """{"prompt":"a","max_tokens":0}""", 400, "max_tokens", "out_of_range")]
    [InlineData(Completions, """{"prompt":"a","max_tokens":1e99}""", 400, "max_tokens", "invalid_type")]
    [InlineData(Completions, """{"prompt":"a","temperature":2.1}""", 400, "temperature", "out_of_range")]
    [InlineData(Completions, """{"prompt":"a","temperature":-1}""", 400, "temperature", "out_of_range")]
    [InlineData(Completions, """{"prompt":"a","top_p":2}""", 400, "top_p", "out_of_range")]
    [InlineData(Completions, """{"prompt":"a","presence_penalty":3}""", 400, "presence_penalty", "out_of_range")]
    [InlineData(Completions, """{"prompt":"a","n":0}""", 400, "n", "out_of_range")]
    [InlineData(Completions, """{"prompt":"a","n":1000}""", 400, "n", "out_of_range")]
    [InlineData(Completions, """{"prompt":"a","n":3,"best_of":2}""", 400, "best_of", "invalid_value")]
    [InlineData(Completions, """{"prompt":"a","logprobs":21}""", 400, "logprobs", "out_of_range")]
    [InlineData(Completions, """{"prompt":"a","best_of":2,"stream":true}""", 400, "best_of", "invalid_value")]
    [InlineData(Completions, """{"prompt":"a","suffix":"b"}""", 400, "suffix", "fim_unsupported")]
    [InlineData(Completions, """{"prompt":["a"],"suffix":"b","model":"qwen2-tiny-f32"}""", 400, "prompt", "invalid_type")]
    [InlineData(Completions, """{"prompt":"a","stop":5}""", 400, "stop", "invalid_type")]
    [InlineData(Completions, """{"prompt":"a","stop":[5]}""", 400, "stop", "invalid_type")]
    [InlineData(Completions, """{"prompt":"a","logit_bias":{"":1}}""", 400, "logit_bias", "invalid_value")]
    [InlineData(Completions, """{"prompt":"a","logit_bias":{"5":101}}""", 400, "logit_bias", "invalid_value")]
    [InlineData(Completions, """{"prompt":"a","seed":"x"}""", 400, "seed", "invalid_type")]
    [InlineData(Completions, """{"prompt":"a","stream":"yes"}""", 400, "stream", "invalid_type")]
    [InlineData(Completions, """{"prompt":"a","stream_options":{}}""", 400, "stream_options", "invalid_value")]
    [InlineData(Completions, """{"prompt":"a","grammar":"root ::= x"}""", 400, "grammar", "unsupported_schema")]
    [InlineData(Chat, "{}", 400, "messages", "missing_required_parameter")]
    [InlineData(Chat, """{"messages":[]}""", 400, "messages", "invalid_value")]
    [InlineData(Chat, """{"messages":[5]}""", 400, "messages[0]", "invalid_type")]
    [InlineData(Chat, """{"messages":[{"content":"a"}]}""", 400, "messages[0].role", "missing_required_parameter")]
    [InlineData(Chat, """{"messages":[{"role":"king","content":"a"}]}""", 400, "messages[0].role", "invalid_value")]
    [InlineData(Chat, """{"messages":[{"role":"user"}]}""", 400, "messages[0].content", "missing_required_parameter")]
    [InlineData(Chat, """{"messages":[{"role":"user","content":5}]}""", 400, "messages[0].content", "invalid_type")]
    [InlineData(Chat, """{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}""", 400, "messages[0].content[0].type",
        "unsupported_parameter")]
    [InlineData(Chat, """{"messages":[{"role":"assistant","tool_calls":[{}]}]}""", 400, "messages[0].tool_calls[0].function",
        "missing_required_parameter")]
    [InlineData(Chat, "{\"messages\":" + Hi + ",\"top_logprobs\":2}", 400, "top_logprobs", "invalid_value")]
    [InlineData(Chat, "{\"messages\":" + Hi + ",\"response_format\":{\"type\":\"yaml\"}}", 400, "response_format.type",
        "unsupported_parameter")]
    [InlineData(Chat, "{\"messages\":" + Hi + ",\"tools\":[{\"type\":\"function\"}]}", 400, "tools[0].function",
        "missing_required_parameter")]
    [InlineData(Chat, "{\"messages\":" + Hi + ",\"tool_choice\":\"required\"}", 400, "tool_choice", "invalid_value")]
    [InlineData(Chat, "{\"messages\":" + Hi + ",\"functions\":[]}", 400, "functions", "unsupported_parameter")]
    [InlineData("/infill", "{}", 400, "input_prefix", "missing_required_parameter")]
    [InlineData("/infill", """{"input_prefix":"a","input_extra":[{}]}""", 400, "input_extra[0].text", "missing_required_parameter")]
    [InlineData("/infill", """{"input_prefix":"a","n_predict":-2}""", 400, "n_predict", "out_of_range")]
    public async Task A_bad_request_is_told_what_is_wrong(string path, string body, int status, string? param, string? code)
    {
        var response = await (await shared.GetAsync()).PostAsync(path, body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, text);
        var root = JsonDocument.Parse(text).RootElement;
        var error = root.GetProperty("error");
        Assert.Equal(["error"], root.EnumerateObject().Select(p => p.Name));
        Assert.Equal(["message", "type", "param", "code"], error.EnumerateObject().Select(p => p.Name));
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
        Assert.Equal((param, code), (error.GetProperty("param").GetString(), error.GetProperty("code").GetString()));
        Assert.EndsWith(".", error.GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_prompt_beyond_the_context_is_refused_before_work()
    {
        var server = await shared.GetAsync();
        foreach (var stream in new[] { false, true })
        {
            var response = await server.PostAsync(Completions, new { prompt = string.Concat(Enumerable.Repeat("word ", 5000)), stream });
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Contains("context_length_exceeded", await response.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task Broken_utf8_is_no_json()
    {
        var response = await (await shared.GetAsync()).Client.PostAsync(Completions,
            new ByteArrayContent([.. """{"prompt":"a"""u8, 0xff, 0xfe, .. "\"}"u8]));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task Deep_nesting_is_refused()
    {
        var response = await (await shared.GetAsync()).PostAsync(Completions,
            $$"""{"x":{{new string('[', 5000)}}{{new string(']', 5000)}}}""");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("invalid_json", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused()
    {
        await using var server = await TestServer.StartAsync(o => o with { MaxRequestBytes = 2000 });
        using var content = new StringContent($$"""{"prompt":"{{new string('a', 4000)}}"}""", Encoding.UTF8, "application/json");
        var response = await server.Client.PostAsync(Completions, content);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Contains("request_too_large", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Unknown_addresses_and_methods_get_the_same_shape()
    {
        var client = (await shared.GetAsync()).Client;
        var missing = await client.GetAsync("/v1/images/generations");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Contains("unknown_url", await missing.Content.ReadAsStringAsync());
        var method = await client.GetAsync(Completions);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, method.StatusCode);
        Assert.Contains("POST", await method.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/v1/models/nobody")).StatusCode);
    }
}
