using System.Text.Json;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Inference;

public class CompletionTests(SharedServer shared)
{
    static readonly object s_greedy = new { model = TestServer.Stories, prompt = "Once upon a time", temperature = 0, max_tokens = 8 };

    [Fact]
    public async Task Completion() => Golden.Check(await (await shared.GetAsync()).PostJsonAsync("/v1/completions", s_greedy));

    [Fact]
    public async Task Completion_stream_with_usage() => Golden.Check(await (await shared.GetAsync()).PostStreamAsync("/v1/completions",
        new
        {
            model = TestServer.Stories,
            prompt = "Once upon a time",
            temperature = 0,
            max_tokens = 3,
            stream = true,
            stream_options = new { include_usage = true }
        }));

    [Fact]
    public async Task Completion_logprobs_of_two_prompts() => Golden.Check(await (await shared.GetAsync()).PostJsonAsync("/v1/completions",
        new { model = TestServer.Stories, prompt = new[] { "Lily", "Tom" }, temperature = 0, max_tokens = 2, logprobs = 2 }));

    [Fact]
    public async Task Completion_fills_in_the_middle() => Golden.Check(await (await shared.GetAsync()).PostJsonAsync("/v1/completions",
        new { model = TestServer.Coder, prompt = "int a = ", suffix = ";\n", temperature = 0, max_tokens = 3, logprobs = 1 }));

    [Fact]
    public async Task Stream_and_whole_answer_are_the_same_text()
    {
        var server = await shared.GetAsync();
        var whole = await server.PostJsonAsync("/v1/completions",
            new { prompt = "Lily and Tom", temperature = 0.8, seed = 7, max_tokens = 40 });
        var parts = await server.PostStreamAsync("/v1/completions",
            new { prompt = "Lily and Tom", temperature = 0.8, seed = 7, max_tokens = 40, stream = true });
        Assert.Equal(Text(whole), string.Concat(parts.Select(Text)));
    }

    [Fact]
    public async Task Echo_comes_first_and_once()
    {
        var parts = await (await shared.GetAsync()).PostStreamAsync("/v1/completions",
            new { prompt = "Lily", temperature = 0, max_tokens = 3, stream = true, echo = true });
        Assert.StartsWith("Lily", Text(parts[0]));
        Assert.DoesNotContain("Lily", string.Concat(parts.Skip(1).Select(Text)));
    }

    [Fact]
    public async Task A_stop_string_ends_the_answer_and_is_not_shown()
    {
        var server = await shared.GetAsync();
        var free =
            Text(await server.PostJsonAsync("/v1/completions", new { prompt = "Once upon a time", temperature = 0, max_tokens = 30 }));
        var stop = free.Substring(free.Length / 2, 4);
        var answer = await server.PostJsonAsync("/v1/completions",
            new { prompt = "Once upon a time", temperature = 0, max_tokens = 30, stop });
        Assert.Equal(free[..free.IndexOf(stop, StringComparison.Ordinal)], Text(answer));
        Assert.Equal("stop", answer.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Several_choices_differ_but_a_seed_repeats_them()
    {
        var server = await shared.GetAsync();
        var body = new { prompt = "Once upon", temperature = 1.2, seed = 3, n = 3, max_tokens = 12 };
        var first = (await server.PostJsonAsync("/v1/completions", body)).GetProperty("choices").EnumerateArray()
            .Select(c => c.GetProperty("text").GetString()).ToList();
        var again = (await server.PostJsonAsync("/v1/completions", body)).GetProperty("choices").EnumerateArray()
            .Select(c => c.GetProperty("text").GetString()).ToList();
        Assert.Equal(first, again);
        Assert.Equal(3, first.Distinct().Count());
    }

    [Fact]
    public async Task A_prompt_of_token_ids_is_taken_as_it_is()
    {
        var answer = await (await shared.GetAsync()).PostJsonAsync("/v1/completions",
            new { prompt = new[] { 1, 403, 407, 261, 378 }, temperature = 0, max_tokens = 2 });
        Assert.Equal(5, answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public async Task Logit_bias_forbids_and_forces()
    {
        var server = await shared.GetAsync();
        var free =
            (await server.PostJsonAsync("/v1/completions",
                new { prompt = "Once upon a time", temperature = 0, max_tokens = 1, logprobs = 0 })).GetProperty("choices")[0];
        var forced =
            (await server.PostJsonAsync("/v1/completions",
                new
                {
                    prompt = "Once upon a time",
                    temperature = 0,
                    max_tokens = 1,
                    logit_bias = new Dictionary<string, int> { ["400"] = 100 }
                })).GetProperty("choices")[0];
        Assert.NotEqual(free.GetProperty("text").GetString(), forced.GetProperty("text").GetString());
    }

    [Fact]
    public async Task An_empty_prompt_begins_a_text() =>
        Assert.NotEmpty(
            Text(await (await shared.GetAsync()).PostJsonAsync("/v1/completions", new { prompt = "", temperature = 0, max_tokens = 5 })));

    [Fact]
    public async Task Eight_streams_at_once_each_get_the_text_they_would_get_alone()
    {
        var server = await shared.GetAsync();
        string[] prompts = ["Once", "Lily", "Tom", "The dog", "A cat", "One day", "Mom", "The sun"];
        var alone = new List<string>();
        foreach (var prompt in prompts)
            alone.Add(Text(await server.PostJsonAsync("/v1/completions", new { prompt, temperature = 0, max_tokens = 24 })));
        var together = await Task.WhenAll(prompts.Select(async prompt =>
            string.Concat(
                (await server.PostStreamAsync("/v1/completions",
                    new { prompt, temperature = 0, max_tokens = 24, stream = true })).Select(Text))));
        Assert.Equal(alone, together);
    }

    static string Text(JsonElement answer) => answer.GetProperty("choices") is var choices && choices.GetArrayLength() > 0
        ? choices[0].GetProperty("text").GetString()! : "";

    [Theory, InlineData(false), InlineData(true)]
    public async Task The_prompt_s_own_probabilities_are_those_it_was_generated_with(bool stream)
    {
        var server = await shared.GetAsync();
        var generated =
            (await server.PostJsonAsync("/v1/completions",
                new { prompt = "Once upon a time", max_tokens = 6, temperature = 0, logprobs = 2 })).GetProperty("choices")[0];
        var text = "Once upon a time" + generated.GetProperty("text").GetString();
        object body = new { prompt = text, max_tokens = 0, echo = true, logprobs = 2, stream };
        var echoed = (stream ? (await server.PostStreamAsync("/v1/completions", body))[0]
            : await server.PostJsonAsync("/v1/completions", body)).GetProperty("choices")[0];
        Assert.Equal(text, echoed.GetProperty("text").GetString());
        var logprobs = echoed.GetProperty("logprobs");
        float[] Last(JsonElement of) => [.. of.GetProperty("token_logprobs").EnumerateArray().TakeLast(6).Select(v => v.GetSingle())];
        Assert.All(Last(generated.GetProperty("logprobs")).Zip(Last(logprobs)), p => Assert.Equal(p.First, p.Second, 1e-3));
        Assert.Equal(logprobs.GetProperty("tokens").GetArrayLength(), logprobs.GetProperty("top_logprobs").GetArrayLength());
        var offsets = logprobs.GetProperty("text_offset").EnumerateArray().Select(o => o.GetInt32()).ToList();
        Assert.Equal((0, text.Length - logprobs.GetProperty("tokens").EnumerateArray().Last().GetString()!.Length),
            (offsets[0], offsets[^1]));

        // As token ids, the first has nothing before it.
        var ids = await server.PostJsonAsync("/v1/completions",
            new { prompt = (int[])[1, 403, 407], max_tokens = 1, echo = true, logprobs = 1, temperature = 0 });
        var values = ids.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("token_logprobs").EnumerateArray().ToList();
        Assert.Equal((4, JsonValueKind.Null, JsonValueKind.Number), (values.Count, values[0].ValueKind, values[1].ValueKind));
        Assert.Equal(1, ids.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
    }

    [Fact]
    public async Task Of_several_answers_the_likeliest_is_given()
    {
        var server = await shared.GetAsync();
        async Task<JsonElement> Ask(int n, int best) =>
            await server.PostJsonAsync("/v1/completions",
                new { prompt = "Once", max_tokens = 5, n, best_of = best, seed = 7, logprobs = 0, ignore_eos = true });
        static double Mean(JsonElement choice) =>
            choice.GetProperty("logprobs").GetProperty("token_logprobs").EnumerateArray().Average(v => v.GetDouble());
        var all = (await Ask(4, 4)).GetProperty("choices").EnumerateArray().ToList();
        var best = await Ask(1, 4);
        Assert.Equal(all.MaxBy(Mean).GetProperty("text").GetString(), best.GetProperty("choices")[0].GetProperty("text").GetString());
        Assert.Equal(20, best.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.Contains("best_of",
            await (await server.PostAsync("/v1/completions", new { prompt = "a", n = 3, best_of = 2 })).Content.ReadAsStringAsync());
        Assert.Contains("best_of",
            await (await server.PostAsync("/v1/completions",
                new { prompt = "a", best_of = 2, stream = true })).Content.ReadAsStringAsync());
    }
}
