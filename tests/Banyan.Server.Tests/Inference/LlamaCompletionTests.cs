using System.Net;
using System.Text.Json;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Inference;

/// <summary>llama-server's own <c>/completion</c>.</summary>
public class LlamaCompletionTests(SharedServer shared)
{
    const string Path = "/completion";

    static string Content(JsonElement answer) => answer.GetProperty("content").GetString()!;

    [Fact]
    public async Task A_stream_gives_the_same_text_and_ends_with_what_it_took()
    {
        var server = await shared.GetAsync();
        var whole = await server.PostJsonAsync(Path, new { prompt = "Once upon a time", n_predict = 8, temperature = 0, return_tokens = true });
        Assert.Equal(("limit", "", true, 8), (whole.GetProperty("stop_type").GetString(), whole.GetProperty("stopping_word").GetString(), whole.GetProperty("stop").GetBoolean(), whole.GetProperty("tokens_predicted").GetInt32()));
        Assert.Equal(8, whole.GetProperty("tokens").GetArrayLength());
        Assert.EndsWith("Once upon a time", whole.GetProperty("prompt").GetString());
        Assert.Equal(0, whole.GetProperty("generation_settings").GetProperty("temperature").GetSingle());
        Assert.Equal(8, whole.GetProperty("timings").GetProperty("predicted_n").GetInt32());
        var events = await server.PostStreamAsync(Path, new { prompt = "Once upon a time", n_predict = 8, temperature = 0, stream = true }, done: false);
        Assert.Equal(Content(whole), string.Concat(events.Select(Content)));
        Assert.All(events[..^1], e => Assert.False(e.GetProperty("stop").GetBoolean()));
        Assert.True(events.Count > 4 && events[^1].GetProperty("stop").GetBoolean());
    }

    [Fact]
    public async Task Prompts_come_as_text_as_tokens_and_mixed()
    {
        var server = await shared.GetAsync();
        var tokens = (await server.PostJsonAsync("/tokenize", new { content = "Once upon", add_special = true })).GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32()).ToArray();
        var all = await server.PostJsonAsync(Path, new { prompt = (object[])["Once upon", tokens, "The"], n_predict = 4, temperature = 0 });
        Assert.Equal([0, 1, 2], all.EnumerateArray().Select(a => a.GetProperty("index").GetInt32()));
        Assert.Equal(Content(all[0]), Content(all[1]));
        Assert.NotEqual(Content(all[0]), Content(all[2]));
        // A list that holds ids is one prompt, of which strings are parts.
        var mixed = await server.PostJsonAsync(Path, new { prompt = (object[])[.. tokens.Cast<object>(), " a"], n_predict = 1 });
        Assert.InRange(mixed.GetProperty("tokens_evaluated").GetInt32(), tokens.Length + 1, tokens.Length + 2);
    }

    [Fact]
    public async Task The_word_that_stopped_it_is_named()
    {
        var server = await shared.GetAsync();
        foreach (var stream in (bool[])[false, true])
        {
            object body = new { prompt = "Once upon a time", n_predict = 200, temperature = 0, stop = (string[])["zzz", "little", "lit"], stream };
            var last = stream ? (await server.PostStreamAsync(Path, body, done: false))[^1] : await server.PostJsonAsync(Path, body);
            Assert.Equal("word", last.GetProperty("stop_type").GetString());
            Assert.Equal("lit", last.GetProperty("stopping_word").GetString());
        }
    }

    [Fact]
    public async Task Probabilities_and_shapes()
    {
        var server = await shared.GetAsync();
        var answer = await server.PostJsonAsync(Path, new { prompt = "Once", n_predict = 3, n_probs = 2, temperature = 0 });
        var probabilities = answer.GetProperty("completion_probabilities").EnumerateArray().ToList();
        Assert.Equal(3, probabilities.Count);
        Assert.All(probabilities, p => Assert.Equal(p.GetProperty("logprob").GetSingle(), p.GetProperty("top_logprobs")[0].GetProperty("logprob").GetSingle()));
        Assert.Matches("^[0-9]{3}$", Content(await server.PostJsonAsync(Path, new { prompt = "Once", grammar = "root ::= [0-9]{3}", seed = 1 })));
        var json = Content(await server.PostJsonAsync(Path, new { prompt = "Once", json_schema = new { type = "object", properties = new { n = new { type = "integer", minimum = 1, maximum = 9 } }, required = (string[])["n"], additionalProperties = false }, seed = 1 }));
        Assert.InRange(JsonDocument.Parse(json).RootElement.GetProperty("n").GetInt32(), 1, 9);
    }

    [Fact]
    public async Task No_tokens_only_read_the_prompt()
    {
        var answer = await (await shared.GetAsync()).PostJsonAsync(Path, new { prompt = "Once upon a time", n_predict = 0 });
        Assert.Equal(("", 0, "limit"), (Content(answer), answer.GetProperty("tokens_predicted").GetInt32(), answer.GetProperty("stop_type").GetString()));
    }

    [Theory]
    [InlineData("""{"n_predict":1}""", "'prompt'")]
    [InlineData("""{"prompt":[]}""", "'prompt'")]
    [InlineData("""{"prompt":{"prompt_string":"a"}}""", "'prompt'")]
    [InlineData("""{"prompt":"a","post_sampling_probs":true}""", "post_sampling_probs")]
    [InlineData("""{"prompt":[1,99999]}""", "99999")]
    public async Task What_cannot_be_taken_is_named(string body, string expected)
    {
        var response = await (await shared.GetAsync()).PostAsync(Path, body);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(expected, await response.Content.ReadAsStringAsync());
    }
}
