using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;
using Banyan.Runtime.Tests.Generation;

namespace Banyan.Runtime.Tests.Models;

/// <summary>
/// States that cannot be cut like keys and values: guesses that were wrong, prompts that begin alike, requests that give way.
/// </summary>
public sealed class RecurrentTests : IDisposable
{
    Model _model = null!;

    void Open(string name) =>
        _model = Model.Load(Reference.Path($"families/{name}"),
            new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });

    static int[] Tokens(int count, int seed = 0) => [.. Enumerable.Range(0, count).Select(i => (i * 7919 + seed * 131 + 13) % 509)];

    // The logits after the last of these tokens, computed alone and at once.
    float[] Alone(int[] tokens)
    {
        using var cache = new KvCache(_model, tokens.Length);
        using var forward = new Forward(_model, cache, tokens.Length, 1);
        var (batch, sequence) = (new Batch(tokens.Length), new Sequence(cache, tokens.Length));
        Assert.True(sequence.TryReserve(tokens.Length));
        batch.Add(sequence, tokens, 1);
        forward.Run(batch);
        return forward.Result(0).ToArray();
    }

    void Same(int[] tokens, Span<float> logits)
    {
        var expected = Alone(tokens);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], logits[i], 1e-4f);
    }

    [Theory]
    [InlineData("lfm2", 1, 0)]
    [InlineData("lfm2", 5, 0)]
    [InlineData("lfm2", 5, 3)]
    [InlineData("lfm2", 5, 4)]
    [InlineData("qwen35", 5, 2)]
    [InlineData("granitehybrid", 5, 2)]
    public void A_wrong_guess_is_as_if_it_had_not_been(string name, int rows, int right)
    {
        Open(name);
        using var cache = new KvCache(_model, 256);
        using var forward = new Forward(_model, cache, 128, 8);
        var (batch, sequence) = (new Batch(128), new Sequence(cache, 256));
        int[] text = Tokens(90), guessed = [.. text[..60], .. Tokens(30, seed: 5)];
        Assert.True(sequence.TryReserve(128));
        batch.Add(sequence, text.AsSpan(0, 59), 0);
        forward.Run(batch);
        sequence.Advance(59, text);

        // One row that is certain, guesses of which the first few are right.
        text.AsSpan(60, right).CopyTo(guessed.AsSpan(60));
        batch.Clear();
        batch.Add(sequence, guessed.AsSpan(59, rows), rows);
        forward.Run(batch);
        Same(text[..(60 + right)], forward.Result(right));
        sequence.Advance(60 + right, text);

        for (var length = 60 + right; length < 70; length++)
        {
            batch.Clear();
            batch.Add(sequence, text.AsSpan(length, 1), 1);
            forward.Run(batch);
            Same(text[..(length + 1)], forward.Result(0));
            sequence.Advance(length + 1, text);
        }
    }

    [Theory]
    [InlineData("lfm2")]
    [InlineData("qwen35moe")]
    [InlineData("nemotron_h")]
    public void What_was_tried_is_gone_back_on(string name)
    {
        Open(name);
        using var cache = new KvCache(_model, 256);
        using var forward = new Forward(_model, cache, 128, 1);
        var (batch, sequence) = (new Batch(128), new Sequence(cache, 256));
        int[] text = Tokens(40), other = Tokens(40, seed: 3);
        Assert.True(sequence.TryReserve(128));
        batch.Add(sequence, text.AsSpan(0, 30), 1);
        forward.Run(batch);
        sequence.Advance(30, text);
        int[] tried = [.. text[..32], .. other[32..]];
        for (var length = 30; length < 36; length++)
        {
            batch.Clear();
            batch.Add(sequence, tried.AsSpan(length, 1), 1);
            forward.Run(batch);
            sequence.Try(length + 1);
        }
        // The first two stay.
        sequence.Try(30);
        sequence.Advance(32, text);
        batch.Clear();
        batch.Add(sequence, text.AsSpan(32, 8), 1);
        forward.Run(batch);
        Same(text, forward.Result(0));
    }

    [Theory]
    [InlineData("lfm2")]
    [InlineData("qwen35")]
    [InlineData("falcon-h1")]
    public async Task A_conversation_begins_where_its_last_turn_ended(string name)
    {
        Open(name);
        await using var engine = new Engine(_model, new EngineOptions { PrefillTokens = 48 });
        await using var fresh = new Engine(_model, new EngineOptions { PrefillTokens = 256 });
        var first = Tokens(150);
        var (answer, cached) = await Answers.Likeliest(engine, first, 100);
        Assert.Equal(0, cached);
        Assert.Equal((await Answers.Likeliest(fresh, first, 100)).Tokens, answer);

        // The same prompt again reaches its last whole page; one that goes on behind the answer the answer's; another beginning nothing.
        var again = await Answers.Likeliest(engine, first, 100);
        Assert.Equal(128, again.Cached);
        Assert.Equal(answer, again.Tokens);
        int[] second = [.. first, .. answer, .. Tokens(20, seed: 9)];
        await using var another = new Engine(_model);
        var turn = await Answers.Likeliest(engine, second, 40);
        Assert.Equal(249, turn.Cached); // all but the answer's last token, which nobody has computed
        Assert.Equal((await Answers.Likeliest(another, second, 40)).Tokens, turn.Tokens);
        Assert.Equal(0, (await Answers.Likeliest(engine, [.. Tokens(64, seed: 4), .. first], 3)).Cached);
    }

    [Fact]
    public async Task Requests_that_give_way_and_guesses_change_nothing()
    {
        Open("lfm2");
        using var model = Model.Load(Reference.Path("families/lfm2"), _model.Options with { ContextLength = 320 });
        await using var roomy = new Engine(model, new EngineOptions { CacheTokens = 8192, Speculation = false });
        await using var tight = new Engine(model, new EngineOptions { CacheTokens = 320, SharedPrefillTokens = 7 });
        var prompts = Enumerable.Range(0, 6).Select(i => (int[])[.. Tokens(20, i), .. Tokens(20, i), .. Tokens(10 * i, i + 1)]).ToArray();
        var expected = await Task.WhenAll(prompts.Select(p => Answers.Likeliest(roomy, p, 120)));
        var actual = await Task.WhenAll(prompts.Select(p => Answers.Likeliest(tight, p, 120)));
        Assert.Equal(expected.Select(e => e.Tokens), actual.Select(a => a.Tokens));
    }

    [Fact]
    public unsafe void Snapshots_are_bounded_and_the_longest_unused_goes()
    {
        using var states = new RecurrentStates(64);
        for (var serial = 1; serial <= 300; serial++)
        {
            var slot = states.Take();
            states[slot][0] = serial;
            states.Keep(serial, slot);
            if (states.Has(1))
                states.Free(states.CopyOf(1)); // used again and again
        }
        Assert.Equal(256, states.Snapshots);
        Assert.True(states.Has(1) && states.Has(300) && !states.Has(2));
        Assert.Equal(300, states[states.CopyOf(300)][0]);
    }

    public void Dispose() => _model?.Dispose();
}
