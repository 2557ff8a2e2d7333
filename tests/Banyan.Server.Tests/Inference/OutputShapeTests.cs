using System.Text.Json;
using System.Text.RegularExpressions;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Inference;

/// <summary>Output that is forced into a shape, under every name that clients have for it.</summary>
public class OutputShapeTests(SharedServer shared)
{
    const string Chat = "/v1/chat/completions", Completions = "/v1/completions";
    const string Word =
        """{"type":"object","properties":{"word":{"type":"string","maxLength":6},"n":{"type":"integer","minimum":0,"maximum":9}},"required":["word","n"],"additionalProperties":false}""";

    [Theory]
    [InlineData(Chat, """{"response_format":{"type":"json_schema","json_schema":{"name":"w","strict":true,"schema":WORD}}}""")]
    [InlineData(Chat, """{"response_format":{"type":"json_object","schema":WORD}}""")]
    [InlineData(Chat, """{"structured_outputs":{"json":WORD}}""")]
    [InlineData(Completions, """{"json_schema":WORD}""")]
    [InlineData(Completions, """{"guided_json":WORD}""")]
    public async Task A_schema(string path, string asked)
    {
        var answer = await AnswerAsync(path, asked);
        Assert.Equal("stop", answer.Finish);
        var json = JsonDocument.Parse(answer.Text).RootElement;
        Assert.Equal(["word", "n"], json.EnumerateObject().Select(p => p.Name));
        Assert.InRange(json.GetProperty("n").GetInt32(), 0, 9);
    }

    [Theory]
    [InlineData(Completions, """{"grammar":"root ::= \"no\" | \"maybe \" [a-z]{2,4}"}""", "^(no|maybe [a-z]{2,4})$")]
    [InlineData(Chat, """{"guided_grammar":"root ::= [0-9]+ \"!\" "}""", "^[0-9]+!$")]
    [InlineData(Completions, """{"guided_regex":"(red|blue) [0-9]{2}"}""", "^(red|blue) [0-9]{2}$")]
    [InlineData(Completions, """{"structured_outputs":{"regex":"a{3}b"}}""", "^aaab$")]
    [InlineData(Chat, """{"guided_choice":["up","down"]}""", "^(up|down)$")]
    [InlineData("/infill", """{"grammar":"root ::= \"x = \" [0-9] \";\""}""", "^x = [0-9];$")]
    public async Task Other_shapes(string path, string asked, string pattern)
    {
        var answer = await AnswerAsync(path, asked);
        Assert.True(answer.Finish != "stop" || Regex.IsMatch(answer.Text, pattern), answer.Text);
    }

    [Fact]
    public async Task A_stream_is_the_same_text_in_pieces_and_ends_with_stop()
    {
        var server = await shared.GetAsync();
        var events = await server.PostStreamAsync(Chat,
            Merge("""{"messages":[{"role":"user","content":"hi"}],"temperature":0,"max_tokens":200,"stream":true}""",
            """{"response_format":{"type":"json_schema","json_schema":{"name":"w","schema":WORD}}}"""));
        var text = string.Concat(events.SelectMany(e => e.GetProperty("choices").EnumerateArray())
            .Select(c => c.GetProperty("delta").TryGetProperty("content", out var piece) ? piece.GetString() : ""));
        Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(text).RootElement.ValueKind);
        Assert.Equal("stop", events[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Theory]
    [InlineData("""{"response_format":{"type":"json_schema","json_schema":{"schema":{"properties":{"h":{"format":"hostname"}}}}}}""",
        "response_format.json_schema.schema", "/properties/h/format")]
    [InlineData("""{"response_format":{"type":"json_schema","json_schema":{"name":"x"}}}""",
        "response_format.json_schema.schema", "Missing")]
    [InlineData("""{"response_format":{"type":"json_schema"}}""", "response_format.json_schema.schema", "Missing")]
    [InlineData("""{"response_format":{}}""", "response_format.type", "Missing")]
    [InlineData("""{"response_format":"json"}""", "response_format", "expected an object")]
    [InlineData("""{"json_schema":3}""", "json_schema", "expected a JSON Schema")]
    [InlineData("""{"guided_json":"{"}""", "guided_json", "Invalid 'guided_json'")]
    [InlineData("""{"grammar":"root ::= root"}""", "grammar", "rule 'root'")]
    [InlineData("""{"guided_regex":"(?<!a)b"}""", "guided_regex", "look-behind")]
    [InlineData("""{"guided_choice":[]}""", "guided_choice", "at least one")]
    [InlineData("""{"guided_choice":[1]}""", "guided_choice", "array of strings")]
    [InlineData("""{"guided_regex":"a","json_schema":{}}""", "guided_regex", "send one of them")]
    [InlineData("""{"structured_outputs":{"structural_tag":{}}}""", "structured_outputs.structural_tag", "not supported")]
    public async Task What_cannot_be_enforced_is_refused_by_its_place(string asked, string param, string message)
    {
        var server = await shared.GetAsync();
        var response = await server.PostAsync(Completions, Merge("""{"prompt":"a","max_tokens":2}""", asked));
        var error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal(param, error.GetProperty("param").GetString());
        Assert.Contains(message, error.GetProperty("message").GetString());
    }

    async Task<(string Text, string? Finish)> AnswerAsync(string path, string asked)
    {
        var server = await shared.GetAsync();
        var body = path switch
        {
            Chat => """{"messages":[{"role":"user","content":"hi"}],"seed":5,"max_tokens":300}""",
            Completions => """{"prompt":"Once","seed":5,"max_tokens":300}""",
            _ => $$"""{"model":"{{TestServer.Coder}}","input_prefix":"int ","input_suffix":"","seed":5,"n_predict":100}""",
        };
        var answer = await server.PostJsonAsync(path, Merge(body, asked));
        if (path == "/infill")
            return (answer.GetProperty("content").GetString()!, answer.GetProperty("stop_type").GetString() == "limit" ? "length" : "stop");
        var choice = answer.GetProperty("choices")[0];
        return ((path == Chat ? choice.GetProperty("message").GetProperty("content") : choice.GetProperty("text")).GetString()!,
            choice.GetProperty("finish_reason").GetString());
    }

    static string Merge(string body, string more) => body[..^1] + "," + more[1..].Replace("WORD", Word, StringComparison.Ordinal);
}
