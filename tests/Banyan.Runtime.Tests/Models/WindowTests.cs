using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;
using Banyan.Runtime.Tests.Generation;
using CsCheck;

namespace Banyan.Runtime.Tests.Models;

/// <summary>
/// Layers with a window keep only what it shows: answers are the same, prompts that begin alike are reused, memory is bounded.
/// </summary>
public sealed class WindowTests : IDisposable
{
    Model _model = null!;

    void Open(string name, int context = 1024) => _model = Model.Load(Reference.Path($"families/{name}"),
        new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32, ContextLength = context });

    static int[] Tokens(int count, int seed = 0) =>
        [.. Enumerable.Range(0, count).Select(i => (i * 7919 + i / 50 * 31 + seed * 131 + 13) % 509)];

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

    [Theory]
    [InlineData("gemma3")]
    [InlineData("gemma4")]
    [InlineData("gpt-oss")]
    [InlineData("olmo3")]
    [InlineData("cohere2")]
    public void A_long_prompt_holds_no_more_than_its_window_and_a_pass(string name)
    {
        Open(name);
        var tokens = Tokens(900);
        using var cache = new KvCache(_model, 1024);
        using var forward = new Forward(_model, cache, 100, 1);
        var (batch, sequence) = (new Batch(100), new Sequence(cache, 1024));
        Assert.True(sequence.TryReserve(tokens.Length));
        for (var at = 0; at < tokens.Length; at += 100)
        {
            batch.Clear();
            batch.Add(sequence, tokens.AsSpan(at, 100), 1);
            forward.Run(batch);
            sequence.Advance(at + 100, tokens);
        }
        var expected = Alone(tokens);
        var logits = forward.Result(0);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], logits[i], 1e-4f);
        Assert.InRange(cache.Windows!.Held, 1, 4);
        sequence.Release();
        Assert.Equal(0, cache.Windows.Held);
    }

    [Theory]
    [InlineData("gemma3")]
    [InlineData("gemma4moe")]
    [InlineData("gpt-oss")]
    public async Task A_conversation_begins_where_its_last_turn_ended(string name)
    {
        Open(name);
        await using var engine = new Engine(_model, new EngineOptions { PrefillTokens = 48 });
        await using var fresh = new Engine(_model, new EngineOptions { PrefillTokens = 256 });
        var first = Tokens(350);
        var (answer, cached) = await Answers.Likeliest(engine, first, 100);
        Assert.Equal(0, cached);
        Assert.Equal((await Answers.Likeliest(fresh, first, 100)).Tokens, answer);

        var again = await Answers.Likeliest(engine, first, 100);
        Assert.Equal(320, again.Cached);
        Assert.Equal(answer, again.Tokens);
        int[] second = [.. first, .. answer, .. Tokens(20, seed: 9)];
        await using var another = new Engine(_model);
        var turn = await Answers.Likeliest(engine, second, 40);
        Assert.Equal(449, turn.Cached); // all but the answer's last token, which nobody has computed
        Assert.Equal((await Answers.Likeliest(another, second, 40)).Tokens, turn.Tokens);
        // One that parts from it in the middle.
        int[] parted = [.. first[..150], .. Tokens(60, seed: 4)];
        var other = await Answers.Likeliest(engine, parted, 20);
        Assert.Equal(128, other.Cached);
        Assert.Equal((await Answers.Likeliest(another, parted, 20)).Tokens, other.Tokens);
    }

    [Fact]
    public async Task Requests_that_give_way_and_guesses_change_nothing()
    {
        Open("gemma3", context: 320);
        await using var roomy = new Engine(_model, new EngineOptions { CacheTokens = 8192, Speculation = false });
        await using var tight = new Engine(_model, new EngineOptions { CacheTokens = 320, SharedPrefillTokens = 7 });
        var prompts = Enumerable.Range(0, 6).Select(i => (int[])[.. Tokens(20, i), .. Tokens(20, i), .. Tokens(10 * i, i + 1)]).ToArray();
        var expected = await Task.WhenAll(prompts.Select(p => Answers.Likeliest(roomy, p, 120)));
        var actual = await Task.WhenAll(prompts.Select(p => Answers.Likeliest(tight, p, 120)));
        Assert.Equal(expected.Select(e => e.Tokens), actual.Select(a => a.Tokens));
    }

    /// <summary>Nothing is computed: each page holds a number that says which tokens it would have been computed from.</summary>
    [Fact]
    public unsafe void A_sequence_never_begins_with_pages_of_other_tokens()
    {
        Open("gemma3");
        Gen.Int[0, 9999].Array[0, 60].Sample(steps =>
        {
            using var cache = new KvCache(_model, 1024);
            var (running, held) = (new List<(Sequence Sequence, int[] Tokens)>(), 0);
            foreach (var step in steps)
            {
                if (step % 3 == 0 && running.Count > 0)
                {
                    var ended = running[step / 3 % running.Count];
                    running.Remove(ended);
                    ended.Sequence.Release();
                    continue;
                }
                // Two of eight pages' tokens in each place: prompts often begin alike.
                int[] tokens =
                    [.. Enumerable.Range(0, 3 + step / 3 % 5).SelectMany(page => Enumerable.Repeat((step >> page & 1) + 2 * page, 64)), 1];
                var sequence = new Sequence(cache, tokens.Length);
                sequence.Begin(tokens);
                if (!sequence.TryReserve(tokens.Length))
                {
                    sequence.Release();
                    continue;
                }
                for (var page = cache.Windows!.FirstNeeded(sequence.Length); page < sequence.Length / 64; page++)
                {
                    Assert.Equal(Mark(tokens, page), *(int*)sequence.Pages[page]);
                    Assert.Equal(Mark(tokens, page), *(int*)sequence.WindowPages[page]);
                }
                while (sequence.Length < tokens.Length)
                {
                    var rows = Math.Min(100, tokens.Length - sequence.Length);
                    sequence.Plan(rows, 1);
                    for (var page = sequence.Length / 64; page * 64 < sequence.Length + rows; page++)
                        (*(int*)sequence.Pages[page], *(int*)sequence.WindowPages[page]) = (Mark(tokens, page), Mark(tokens, page));
                    sequence.Advance(sequence.Length + rows, tokens);
                }
                running.Add((sequence, tokens));
                held = Math.Max(held, cache.Windows.Held);
            }
            running.ForEach(r => r.Sequence.Release());
            Assert.Equal(0, cache.Windows!.Held);
            Assert.Equal(16, cache.Pool.Available);
            Assert.InRange(cache.Windows.Count, held, 40);
        }, iter: 200);

        static int Mark(int[] tokens, int page)
        {
            var hash = new HashCode();
            hash.AddBytes(
                System.Runtime.InteropServices.MemoryMarshal.AsBytes(
                    tokens.AsSpan(0, (page + 1) * 64 > tokens.Length ? tokens.Length : (page + 1) * 64)));
            return hash.ToHashCode();
        }
    }

    [Fact]
    public void What_a_sequence_left_behind_goes_before_what_one_ended_with()
    {
        // so large that four are kept, and never touched
        using var windows = new WindowPages(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 64, 16, 64);
        var pages = Enumerable.Range(0, 9).Select(of => (Of: of, Page: windows.Take())).ToArray();
        foreach (var (of, page) in pages)
            windows.Keep(page, of);
        windows.Release(pages[0].Page, isBehind: false);
        for (var i = 1; i < 9; i++)
            windows.Release(pages[i].Page, isBehind: true);
        Assert.True(windows.Has(0) && windows.Has(8) && !windows.Has(1));
        Assert.Equal(4, Enumerable.Range(0, 9).Count(windows.Has));
        windows.Forget(8);
        Assert.False(windows.Has(8));
        Assert.True(windows.TryClaim(9)); // the first
        Assert.False(windows.TryClaim(1));
        windows.Unclaim(9);
        Assert.True(windows.TryClaim(7) && windows.TryClaim(1) && !windows.TryClaim(1));
    }

    public void Dispose() => _model?.Dispose();
}
