using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tests.Models;

namespace Banyan.Runtime.Tests.Generation;

/// <summary>Requests through the engine: greedy text, company, cancellation, short pages, the prefix cache, errors.</summary>
public class EngineTests(EngineTests.Loaded loaded) : IClassFixture<EngineTests.Loaded>
{
    /// <summary>stories260K, loaded once: small enough to generate thousands of tokens in a test.</summary>
    public sealed class Loaded : IDisposable
    {
        Model? _model;

        public Model Model =>
            _model ??= Model.Load(Reference.Path("stories260K"),
                new ModelOptions { Threads = 1, KvCache = KvFormat.F32, Activations = ActivationFormat.Float });

        public void Dispose() => _model?.Dispose();
    }

    Model Model => loaded.Model;

    static readonly GenerationOptions s_greedy = new() { Temperature = 0, MaxTokens = 40, IgnoreEndOfText = true };

    static async Task<List<Generated>> All(Engine engine, IReadOnlyList<int> prompt, GenerationOptions options,
        CancellationToken cancellationToken = default)
    {
        var all = new List<Generated>();
        await foreach (var generated in engine.GenerateAsync(prompt, options, cancellationToken))
            all.Add(generated);
        return all;
    }

    static int[] Tokens(IEnumerable<Generated> generated) => [.. generated.Select(g => g.Token!.Value)];

    static string Text(IEnumerable<Generated> generated) => string.Concat(generated.Select(g => g.Text));

    int[] Prompt(int length, int seed = 0) => [1, .. Enumerable.Range(1, length - 1).Select(i => 260 + (i * 7 + seed * 13) % 240)];

    [Theory]
    [InlineData(0f, 0, 1f, 0f, 1)]
    [InlineData(0.7f, 5, 1f, 0f, 5)]
    [InlineData(1.5f, 0, 0.9f, 0f, 10)]
    [InlineData(1f, 0, 1f, 0.2f, 10)]
    [InlineData(1f, 0, 1f, 0f, 10)]
    [InlineData(0.5f, 0, 1f, 0f, 10)]
    public async Task Probabilities_after_sampling_are_those_that_were_drawn_with(float temperature, int topK,
        float topP, float minP, int most)
    {
        await using var engine = new Engine(Model);
        var prompt = Reference.Load("stories260K").Runs[0].Prompt;
        var options = new GenerationOptions
        {
            Temperature = temperature,
            TopK = topK,
            TopP = topP,
            MinP = minP,
            Seed = 3,
            MaxTokens = 12,
            TopLogprobs = 10,
            IgnoreEndOfText = true
        };
        var own = await All(engine, prompt, options);
        var after = await All(engine, prompt, options with { LogprobsAfterSampling = true });
        Assert.Equal(Tokens(own), Tokens(after));
        foreach (var (before, item) in own.Zip(after))
        {
            Assert.InRange(item.TopLogProbs.Count, 1, most);
            Assert.All(item.TopLogProbs, t => Assert.InRange(t.LogProb, -200, 1e-5f));
            Assert.InRange(item.TopLogProbs.Sum(t => Math.Exp(t.LogProb)), 0.02, 1.0001);
            if (item.TopLogProbs.FirstOrDefault(t => t.Token == item.Token) is { LogProb: not 0 } listed)
                Assert.Equal(listed.LogProb, item.LogProb, 1e-5f);
            // Within what is kept, their ratios are the model's, sharpened by the temperature.
            if (temperature > 0 && item.TopLogProbs.Count > 1)
                Assert.Equal((before.TopLogProbs[0].LogProb - before.TopLogProbs[1].LogProb) / temperature,
                    item.TopLogProbs[0].LogProb - item.TopLogProbs[1].LogProb, 1e-3f);
            // Nothing was cut: the sum is over the whole vocabulary.
            if (temperature == 1 && minP == 0)
                Assert.Equal(before.LogProb, item.LogProb, 1e-3f);
            if (topK == 5)
                Assert.Equal(1, item.TopLogProbs.Sum(t => Math.Exp(t.LogProb)), 1e-4);
        }
    }

    [Fact]
    public async Task A_prompt_tells_how_far_it_has_been_read_where_that_is_asked_for()
    {
        await using var engine = new Engine(Model,
            new EngineOptions { PrefillTokens = 64, SharedPrefillTokens = 64, Clock = new EvenClock() });
        int[] prompt = [.. Enumerable.Range(0, 200).Select(i => 300 + i % 60)];
        var options = s_greedy with { MaxTokens = 2, ReportPrompt = true };
        var told = (await All(engine, prompt, options)).Select(g => g.Prompt).OfType<PromptProgress>().ToList();
        Assert.Equal([0, 64, 128, 192, 200], told.Select(p => p.Processed));
        Assert.All(told, p => Assert.Equal((200, 0), (p.Total, p.Cached)));
        Assert.Equal(told.Select(p => p.Seconds).Order(), told.Select(p => p.Seconds));
        // The first says what the cache had.
        var again = (await All(engine, prompt, options)).Select(g => g.Prompt).OfType<PromptProgress>().ToList();
        Assert.Equal([(200, 192, 192), (200, 192, 200)], again.Select(p => (p.Total, p.Cached, p.Processed)));
        Assert.All(await All(engine, prompt, options with { ReportPrompt = false }), g => Assert.Null(g.Prompt));
    }

    [Fact]
    public async Task Greedy_text_is_the_references()
    {
        await using var engine = new Engine(Model);
        foreach (var run in Reference.Load("stories260K").Runs)
        {
            var generated = await All(engine, run.Prompt, s_greedy with { TopLogprobs = 10 });
            Assert.Equal(run.Steps.Select(s => s.Token), Tokens(generated));
            foreach (var (step, item) in run.Steps.Zip(generated))
            {
                Assert.Equal(step.Top.Select(t => t.Token), item.TopLogProbs.Select(t => t.Token));
                Assert.Equal(item.LogProb, item.TopLogProbs[0].LogProb);
            }
            Assert.Equal(FinishReason.Length, generated[^1].Finish);
            Assert.All(generated[..^1], g => Assert.Null(g.Finish));
        }
        var text = Text(await All(engine, Reference.Load("stories260K").Runs[0].Prompt, s_greedy));
        Assert.StartsWith(", there was a little girl named Lily. She loved to", text);
    }

    [Fact]
    public async Task Company_changes_nothing()
    {
        await using var engine = new Engine(Model, new EngineOptions { MaxRequests = 5, PrefillTokens = 24, SharedPrefillTokens = 7 });
        var prompts = Enumerable.Range(0, 12).Select(i => Prompt(5 + 23 * i % 150, i)).ToArray();
        var options = Enumerable.Range(0, 12)
            .Select(i => s_greedy with { Temperature = i % 3, Seed = (ulong)i, MaxTokens = 10 + 7 * i, TopK = 40 * (i % 2) }).ToArray();
        var alone = new List<int[]>();
        for (var i = 0; i < prompts.Length; i++)
            alone.Add(Tokens(await All(engine, prompts[i], options[i])));
        var together = await Task.WhenAll(prompts.Select((p, i) => All(engine, p, options[i])));
        for (var i = 0; i < prompts.Length; i++)
            Assert.Equal(alone[i], Tokens(together[i]));
    }

    [Fact]
    public async Task Short_pages_make_requests_wait_or_give_way_but_change_nothing()
    {
        using var model = Model.Load(Reference.Path("stories260K"), Model.Options with { ContextLength = 320 });
        await using var roomy = new Engine(model, new EngineOptions { CacheTokens = 8192 });
        await using var tight = new Engine(model, new EngineOptions { CacheTokens = 320 }); // five pages for all
        var prompts = Enumerable.Range(0, 8).Select(i => Prompt(40 + 10 * i, i)).ToArray();
        var options = s_greedy with { MaxTokens = 120 };
        var expected = await Task.WhenAll(prompts.Select(p => All(roomy, p, options)));
        var actual = await Task.WhenAll(prompts.Select(p => All(tight, p, options)));
        for (var i = 0; i < prompts.Length; i++)
        {
            Assert.Equal(Tokens(expected[i]), Tokens(actual[i]));
            Assert.Equal(Text(expected[i]), Text(actual[i]));
        }
        await Until(() => tight.Status.FreeCacheTokens == 320);
    }

    [Fact]
    public async Task A_common_beginning_is_computed_once_and_survives_eviction()
    {
        using var model = Model.Load(Reference.Path("stories260K"), Model.Options with { ContextLength = 512 });
        await using var engine = new Engine(model, new EngineOptions { CacheTokens = 512 });
        var prompt = Prompt(200);
        var first = await All(engine, prompt, s_greedy);
        Assert.Equal(0, first[^1].Statistics!.CachedTokens);
        var again = await All(engine, prompt, s_greedy);
        Assert.Equal(192, again[^1].Statistics!.CachedTokens); // three full pages
        Assert.Equal(Tokens(first), Tokens(again));
        var longer = await All(engine, [.. prompt, .. Tokens(first)[..^1], 300], s_greedy);
        // and the one that was left before it was full
        Assert.Equal(prompt.Length + Tokens(first).Length - 1, longer[^1].Statistics!.CachedTokens);
        // A prompt of exactly cached pages still computes its last one, for its logits.
        Assert.Equal(128, (await All(engine, prompt[..192], s_greedy))[^1].Statistics!.CachedTokens);
        // Others push it out; then it is computed again, to the same end.
        for (var i = 1; i < 6; i++)
            await All(engine, Prompt(400, i), s_greedy);
        var evicted = await All(engine, prompt, s_greedy);
        Assert.Equal(0, evicted[^1].Statistics!.CachedTokens);
        Assert.Equal(Tokens(first), Tokens(evicted));
    }

    [Fact]
    public async Task Cancelling_or_leaving_stops_the_work_and_frees_the_pages()
    {
        await using var engine = new Engine(Model);
        var free = engine.Status.FreeCacheTokens;
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var generated in engine.GenerateAsync(Prompt(100), s_greedy with { MaxTokens = 1900 }, cancel.Token))
                cancel.Cancel();
        });
        await Until(() => engine.Status is { Running: 0, Waiting: 0 } && engine.Status.FreeCacheTokens == free);
        await foreach (var generated in engine.GenerateAsync(Prompt(100), s_greedy with { MaxTokens = 1900 }))
            break;
        await Until(() => engine.Status is { Running: 0, Waiting: 0 } && engine.Status.FreeCacheTokens == free);
    }

    [Fact]
    public async Task A_prompt_beyond_the_context_is_refused_before_work_starts()
    {
        using var model = Model.Load(Reference.Path("stories260K"), Model.Options with { ContextLength = 64 });
        await using var engine = new Engine(model);
        var error = Assert.Throws<ContextLengthException>(() => engine.GenerateAsync(Prompt(64), s_greedy));
        Assert.Equal((64, 64), (error.Tokens, error.Limit));
        Assert.Contains("64", error.Message);
        // One that just fits generates one token.
        var generated = await All(engine, Prompt(63), s_greedy);
        Assert.Single(generated);
        Assert.Equal(FinishReason.Length, generated[0].Finish);
    }

    [Fact]
    public async Task Bad_arguments_are_named_all_at_once()
    {
        await using var engine = new Engine(Model);
        var error =
            Assert.Throws<ArgumentException>(() =>
                engine.GenerateAsync([1],
                    new GenerationOptions { TopP = 0, Temperature = float.NaN, MaxTokens = 0, StopTokens = [99999] }));
        foreach (var name in (string[])["TopP", "Temperature", "MaxTokens", "99999"])
            Assert.Contains(name, error.Message);
        Assert.Contains("512", Assert.Throws<ArgumentException>(() => engine.GenerateAsync([1, 512], s_greedy)).Message);
        Assert.Throws<ArgumentException>(() => engine.GenerateAsync([], s_greedy));
    }

    [Fact]
    public async Task A_stop_string_ends_the_answer_before_it_and_is_never_shown_in_part()
    {
        await using var engine = new Engine(Model);
        var prompt = Reference.Load("stories260K").Runs[0].Prompt;
        var whole = Text(await All(engine, prompt, s_greedy));
        for (var start = 3; start < whole.Length - 8; start += 5)
        {
            var stop = whole.Substring(start, 6); // crosses token boundaries
            var shown = "";
            var at = whole.IndexOf(stop, StringComparison.Ordinal);
            await foreach (var generated in engine.GenerateAsync(prompt, s_greedy with { Stop = ["never there", stop] }))
            {
                shown += generated.Text;
                Assert.True(whole.AsSpan(0, at).StartsWith(shown), $"'{shown}' shows part of '{stop}'");
                if (generated.Finish is not null)
                    Assert.Equal(FinishReason.Stop, generated.Finish);
            }
            Assert.Equal(whole[..at], shown);
        }
    }

    [Fact]
    public async Task Stop_tokens_and_the_end_of_text_end_the_answer()
    {
        await using var engine = new Engine(Model);
        var prompt = Reference.Load("stories260K").Runs[0].Prompt;
        var tokens = Tokens(await All(engine, prompt, s_greedy));
        var stopped = await All(engine, prompt, s_greedy with { StopTokens = [tokens[5]] });
        Assert.Equal(tokens[..(Array.IndexOf(tokens, tokens[5]) + 1)], Tokens(stopped));
        Assert.Equal(FinishReason.Stop, stopped[^1].Finish);
        Assert.Equal("", stopped[^1].Text);
        // Forced by a bias, the end of text ends the answer unless it is to be ignored.
        var eos = new Dictionary<int, float> { [Model.Tokenizer.Eos!.Value] = 100 };
        var ended = await All(engine, prompt, s_greedy with { LogitBias = eos, IgnoreEndOfText = false });
        Assert.Equal((1, FinishReason.Stop), (ended.Count, ended[0].Finish));
        Assert.Equal(5, (await All(engine, prompt, s_greedy with { LogitBias = eos, MaxTokens = 5 })).Count);
        // The reported probability is the model's own, not that of the bias.
        Assert.InRange(ended[0].LogProb, -100, -1);
    }

    [Fact]
    public async Task A_token_allocates_nothing_on_the_engines_thread()
    {
        await using var engine = new Engine(Model);
        var options = new GenerationOptions
        {
            Temperature = 0.8f,
            TopP = 0.95f,
            TopK = 40,
            RepetitionPenalty = 1.1f,
            Seed = 1,
            Stop = ["never there"],
            IgnoreEndOfText = true,
            MaxTokens = 1500
        };
        // What is left is the channel waking its reader now and then: how often depends on what else the machine does, so the calmest of
        // some answers counts.
        var least = double.MaxValue;
        for (var answer = 0; answer < 6 && least > 16; answer++)
        {
            var (count, before) = (0, 0L);
            await foreach (var generated in engine.GenerateAsync(Prompt(10), options))
            {
                count++;
                if (count == 500)
                    before = engine.AllocatedBytes;
            }
            // of the first much is made for the first time
            least = answer == 0 ? least : Math.Min(least, (engine.AllocatedBytes - before) / 1000.0);
            TestContext.Current.TestOutputHelper?.WriteLine($"{(engine.AllocatedBytes - before) / 1000.0} bytes a token");
        }
        Assert.InRange(least, 0, 16);
    }

    [Fact]
    public async Task Disposing_fails_what_runs_and_refuses_what_comes()
    {
        var engine = new Engine(Model);
        var running = All(engine, Prompt(10), s_greedy with { MaxTokens = 1900 });
        await Until(() => engine.Status.Running == 1 || running.IsCompleted);
        await engine.DisposeAsync();
        await Assert.ThrowsAsync<GenerationException>(() => running);
        await Assert.ThrowsAsync<GenerationException>(() => All(engine, Prompt(10), s_greedy));
    }

    static async Task Until(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (!condition())
            await Task.Delay(5, limit.Token);
    }
}
