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
        var whole = await server.PostJsonAsync(Path,
            new { prompt = "Once upon a time", n_predict = 8, temperature = 0, return_tokens = true });
        Assert.Equal(("limit", "", true, 8),
            (whole.GetProperty("stop_type").GetString(), whole.GetProperty("stopping_word").GetString(),
                whole.GetProperty("stop").GetBoolean(), whole.GetProperty("tokens_predicted").GetInt32()));
        Assert.Equal(8, whole.GetProperty("tokens").GetArrayLength());
        Assert.EndsWith("Once upon a time", whole.GetProperty("prompt").GetString());
        Assert.Equal(0, whole.GetProperty("generation_settings").GetProperty("temperature").GetSingle());
        Assert.Equal(8, whole.GetProperty("timings").GetProperty("predicted_n").GetInt32());
        var events = await server.PostStreamAsync(Path,
            new { prompt = "Once upon a time", n_predict = 8, temperature = 0, stream = true }, done: false);
        Assert.Equal(Content(whole), string.Concat(events.Select(Content)));
        Assert.All(events[..^1], e => Assert.False(e.GetProperty("stop").GetBoolean()));
        Assert.True(events.Count > 4 && events[^1].GetProperty("stop").GetBoolean());
    }

    [Fact]
    public async Task Prompts_come_as_text_as_tokens_and_mixed()
    {
        var server = await shared.GetAsync();
        var tokens = (await server.PostJsonAsync("/tokenize", new { content = "Once upon", add_special = true })).GetProperty("tokens")
            .EnumerateArray().Select(t => t.GetInt32()).ToArray();
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
            object body = new
            {
                prompt = "Once upon a time",
                n_predict = 200,
                temperature = 0,
                stop = (string[])["zzz", "little", "lit"],
                stream
            };
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
        Assert.All(probabilities,
            p => Assert.Equal(p.GetProperty("logprob").GetSingle(), p.GetProperty("top_logprobs")[0].GetProperty("logprob").GetSingle()));
        Assert.Matches("^[0-9]{3}$",
            Content(await server.PostJsonAsync(Path, new { prompt = "Once", grammar = "root ::= [0-9]{3}", seed = 1 })));
        var json =
            Content(await server.PostJsonAsync(Path,
                new
                {
                    prompt = "Once",
                    json_schema = new
                    {
                        type = "object",
                        properties = new { n = new { type = "integer", minimum = 1, maximum = 9 } },
                        required = (string[])["n"],
                        additionalProperties = false
                    },
                    seed = 1
                }));
        Assert.InRange(JsonDocument.Parse(json).RootElement.GetProperty("n").GetInt32(), 1, 9);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    public async Task Probabilities_after_sampling(float temperature)
    {
        object body = new
        {
            prompt = "I believe the meaning of life is",
            n_probs = 10,
            temperature,
            top_k = 4,
            n_predict = 5,
            seed = 1,
            post_sampling_probs = true
        };
        var answer = await (await shared.GetAsync()).PostJsonAsync(Path, body);
        Assert.True(answer.GetProperty("generation_settings").GetProperty("post_sampling_probs").GetBoolean());
        Assert.All(answer.GetProperty("completion_probabilities").EnumerateArray(), p =>
        {
            Assert.False(p.TryGetProperty("logprob", out _) || p.TryGetProperty("top_logprobs", out _));
            Assert.InRange(p.GetProperty("prob").GetSingle(), 1e-9f, 1.0001f);
            var top = p.GetProperty("top_probs").EnumerateArray().Select(t => t.GetProperty("prob").GetSingle()).ToList();
            Assert.InRange(top.Count, 1, temperature == 0 ? 1 : 4);
            Assert.Equal(1, top.Sum(), 1e-4f);
        });
    }

    [Theory]
    [InlineData(Path, """{"prompt":"TEXT","n_predict":4,"stream":true,"return_progress":true}""")]
    [InlineData("/v1/completions", """{"prompt":"TEXT","max_tokens":4,"stream":true,"return_progress":true}""")]
    [InlineData("/v1/chat/completions",
        """{"messages":[{"role":"user","content":"TEXT"}],"max_tokens":4,"stream":true,"return_progress":true}""")]
    public async Task A_stream_tells_how_far_the_prompt_has_been_read(string path, string body)
    {
        var server = await shared.GetAsync();
        var asked = body.Replace("TEXT", string.Concat(Enumerable.Repeat($"This is a test of {path}. ", 12)), StringComparison.Ordinal);
        for (var again = 0; again < 2; again++)
        {
            var events = await server.PostStreamAsync(path, asked, done: path != Path);
            var told = events.Where(e => e.TryGetProperty("prompt_progress", out _)).Select(e => e.GetProperty("prompt_progress")).ToList();
            int Of(JsonElement progress, string name) => progress.GetProperty(name).GetInt32();
            Assert.All(told,
                p => Assert.True(Of(p, "total") == Of(told[0], "total") && Of(p, "cache") == Of(told[0], "cache")
                    && Of(p, "time_ms") >= 0));
            Assert.Equal(Of(told[0], "cache"), Of(told[0], "processed"));
            Assert.Equal(again > 0, Of(told[0], "cache") > 0);
            Assert.Equal(Of(told[0], "total"), Of(told[^1], "processed"));
            Assert.Equal(told.Select(p => Of(p, "processed")).Distinct().Order(), told.Select(p => Of(p, "processed")));
        }
        Assert.DoesNotContain(await server.PostStreamAsync(path, asked.Replace(",\"return_progress\":true", "", StringComparison.Ordinal),
            done: path != Path), e => e.TryGetProperty("prompt_progress", out _));
    }

    [Fact]
    public async Task No_tokens_only_read_the_prompt()
    {
        var answer = await (await shared.GetAsync()).PostJsonAsync(Path, new { prompt = "Once upon a time", n_predict = 0 });
        Assert.Equal(("", 0, "limit"),
            (Content(answer), answer.GetProperty("tokens_predicted").GetInt32(), answer.GetProperty("stop_type").GetString()));
    }

    [Theory]
    [InlineData("""{"n_predict":1}""", "'prompt'")]
    [InlineData("""{"prompt":[]}""", "'prompt'")]
    [InlineData("""{"prompt":{"prompt_string":"a"}}""", "'prompt'")]
    [InlineData("""{"prompt":"a","post_sampling_probs":1}""", "post_sampling_probs")]
    [InlineData("""{"prompt":"a","return_progress":"yes","stream":true}""", "return_progress")]
    [InlineData("""{"prompt":[1,99999]}""", "99999")]
    public async Task What_cannot_be_taken_is_named(string body, string expected)
    {
        var response = await (await shared.GetAsync()).PostAsync(Path, body);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(expected, await response.Content.ReadAsStringAsync());
    }
}
