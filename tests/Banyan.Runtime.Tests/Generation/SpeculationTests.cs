using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tests.Models;
using static Banyan.Runtime.Tests.Generation.Answers;

namespace Banyan.Runtime.Tests.Generation;

/// <summary>Guesses change the speed, never the text.</summary>
public class SpeculationTests
{
    static Model Load(string name, ActivationFormat activations = ActivationFormat.Quantized, KvFormat kv = KvFormat.F16) =>
        Model.Load(Reference.Path(name), new ModelOptions { Threads = 2, Activations = activations, KvCache = kv });

    /// <summary>A text of which much stands there already: a few sentences, again and again, the order changing.</summary>
    static int[] Repetitive(Model model, int length, int seed)
    {
        var random = new Random(seed);
        var sentences = Enumerable.Range(0, 6)
            .Select(_ => Enumerable.Range(0, 9).Select(_ => random.Next(3, model.Config.VocabularySize)).ToArray()).ToArray();
        return [.. Enumerable.Range(0, length).SelectMany(_ => sentences[random.Next(sentences.Length)]).Take(length)];
    }

    [Theory]
    [InlineData("stories260K", KvFormat.F32, ActivationFormat.Float)]
    [InlineData("stories260K", KvFormat.F16, ActivationFormat.Float)]
    [InlineData("qwen2-tiny-Q4_K_M", KvFormat.F16, ActivationFormat.Quantized)]
    [InlineData("llama-tiny-Q8_0", KvFormat.Q8_0, ActivationFormat.Quantized)]
    [InlineData("qwen3moe-tiny-Q8_0", KvFormat.F16, ActivationFormat.Quantized)]
    public async Task The_same_seed_gives_the_same_text(string name, KvFormat kv, ActivationFormat activations)
    {
        using var model = Load(name, activations, kv);
        await using var with = new Engine(model, new EngineOptions { Clock = new EvenClock() });
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        var drafted = 0;
        for (var seed = 0; seed < 12; seed++)
        {
            var prompt = Repetitive(model, 40 + 9 * seed, seed);
            var options = new GenerationOptions
            {
                MaxTokens = 60 + seed,
                IgnoreEndOfText = true,
                Seed = (ulong)seed,
                Temperature = seed % 3 * 0.3f,
                TopK = seed % 2 * 20,
                RepetitionPenalty = seed % 4 == 3 ? 1.1f : 1,
                FrequencyPenalty = seed % 5 == 4 ? 0.2f : 0,
            };
            var expected = await Generate(without, prompt, options);
            var actual = await Generate(with, prompt, options);
            Assert.Equal(expected.Tokens, actual.Tokens);
            Assert.Equal(expected.LogProbs, actual.LogProbs);   // bit for bit
            Assert.Equal(0, expected.Statistics.DraftedTokens);
            drafted += actual.Statistics.DraftedTokens;
        }
        Assert.True(drafted > 0);
    }

    [Fact]
    public async Task Company_and_short_pages_change_nothing()
    {
        using var model = Load("stories260K", ActivationFormat.Float, KvFormat.F32);
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        await using var with = new Engine(model, new EngineOptions { CacheTokens = 640, MaxRequests = 5 });
        var options = new GenerationOptions { MaxTokens = 90, Temperature = 0, IgnoreEndOfText = true };
        var prompts = Enumerable.Range(0, 9).Select(i => Repetitive(model, 30 + 20 * i, i)).ToArray();
        var together = await Task.WhenAll(prompts.Select(p => Generate(with, p, options)));
        for (var i = 0; i < prompts.Length; i++)
            Assert.Equal((await Generate(without, prompts[i], options)).Tokens, together[i].Tokens);
    }

    [Fact]
    public async Task The_distribution_is_the_same()
    {
        using var model = Load("stories260K");
        await using var with = new Engine(model, new EngineOptions { Clock = new EvenClock() });
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        var prompt = model.Tokenizer.Encode("Once upon a time, there was a little girl. Once upon a time, there was a");
        await HaveOneDistribution(with, without, prompt);
    }

    [Fact]
    public void The_longest_match_is_followed()
    {
        int[] text = [1, 2, 3, 4, 5, 6, 7, 9, 3, 4, 8, 8, 2, 3, 4];
        var draft = new int[5];
        Assert.Equal(5, new Lookup(64).Guess(text, draft, out var match));
        Assert.Equal(3, match);
        Assert.Equal([5, 6, 7, 9, 3], draft);
    }

    /// <summary>A name is changed in a copy: the token behind it is guessed at once, where no two tokens stood together before.</summary>
    [Fact]
    public void A_copy_goes_on_behind_what_was_changed()
    {
        int[] source = [.. Enumerable.Range(100, 60)];
        var (lookup, draft) = (new Lookup(256), new int[4]);
        int[] copied = [.. source, 1, .. source[..40]];
        Assert.Equal(4, lookup.Guess(copied, draft, out var match));
        Assert.Equal(40, match);
        Assert.Equal([140, 141, 142, 143], draft);
        int[] changed = [.. copied, 7];
        Assert.Equal(0, lookup.Guess(changed, draft, out _));
        Assert.Equal(4, lookup.Resume(changed, draft));
        Assert.Equal([141, 142, 143, 144], draft);
        // Once most of it is other text, it is no copy any more.
        int[] left = [.. changed, .. Enumerable.Range(500, 12)];
        Assert.Equal(0, lookup.Resume(left, draft));
        Assert.Equal(0, lookup.Resume([.. left, .. source[..3]], draft));
    }

    /// <summary>What was changed once in a copy is changed where it stands again, until that is wrong.</summary>
    [Fact]
    public void A_name_that_was_changed_is_changed_again()
    {
        int[] source = [.. Enumerable.Range(0, 80).Select(i => i % 20 == 19 ? 7 : 100 + i)];
        var (lookup, draft) = (new Lookup(256), new int[24]);
        List<int> text = [.. source, 1, .. source[..38]];
        lookup.Guess([.. text], draft, out _);
        Assert.Equal([138, 7, 140], draft[..3]);
        lookup.Learn([138, 9], draft);
        text.AddRange([138, 9]);
        Assert.Equal(24, lookup.Resume([.. text], draft));
        Assert.Equal([.. source[40..59], 9, 160], draft[..21]);
        lookup.Learn([.. source[40..59], 7], draft); // not here
        text.AddRange([.. source[40..59], 7]);
        lookup.Guess([.. text], draft, out _);
        Assert.Equal(source[60..80], draft[..20]);
    }

    [Fact]
    public void Few_replacements_are_remembered_and_those_that_are_right_longest()
    {
        var replaced = new Replacements();
        Assert.Equal(5, replaced[5]);
        for (var i = 0; i < 3; i++)
            replaced.Learn(5, replaced[5], 50);
        for (var token = 100; token < 120; token++)
        {
            replaced.Learn(token, token, 7);
            Assert.Equal(7, replaced[token]);
        }
        Assert.Equal(50, replaced[5]);
        Assert.Equal(100, replaced[100]);
        replaced.Learn(119, 7, 8);
        Assert.Equal(8, replaced[119]);
    }

    [Fact]
    public void Nothing_is_resumed_that_was_not_copied() => Assert.Equal(0, new Lookup(64).Resume([1, 2, 3, 4, 5, 6], new int[4]));

    [Fact]
    public void A_repetition_goes_on_repeating()
    {
        var draft = new int[7];
        Assert.Equal(7, new Lookup(64).Guess([9, 1, 2, 3, 1, 2, 3, 1, 2], draft, out _));
        Assert.Equal([3, 1, 2, 3, 1, 2, 3], draft);
    }

    [Fact]
    public void Nothing_is_guessed_of_what_never_stood_there()
    {
        Assert.Equal(0, new Lookup(64).Guess([1, 2, 3, 4, 5, 6], new int[4], out var match));
        Assert.Equal(0, match);
        Assert.Equal(0, new Lookup(64).Guess([1], new int[4], out _));
    }

    /// <summary>Told of a text token by token, it guesses what it would guess of the whole text at once.</summary>
    [Fact]
    public void It_is_told_of_a_text_bit_by_bit()
    {
        var random = new Random(3);
        var text = Enumerable.Range(0, 600).Select(_ => random.Next(4)).ToArray();
        var (growing, bit, whole) = (new Lookup(text.Length), new int[8], new int[8]);
        for (var length = 1; length <= text.Length; length++)
        {
            growing.Guess(text.AsSpan(0, length), bit, out var match);
            new Lookup(text.Length).Guess(text.AsSpan(0, length), whole, out var expected);
            Assert.Equal(expected, match);
        }
    }

    [Fact]
    public void Costs_are_learned_and_forgotten()
    {
        var costs = new PassCosts();
        Assert.Equal(0, costs.Predict(3));
        costs.Observe(1, 10);
        Assert.Equal(10.4, costs.Predict(3), 9); // assumed to be little more, so that it is tried
        costs.Observe(3, 30);
        Assert.Equal(30, costs.Predict(3));
        Assert.Equal(10.2, costs.Predict(2), 9);
        costs.Observe(5, 25); // so 3 rows were disturbed
        Assert.Equal(25, costs.Predict(3));
        costs.Observe(5, 40);
        costs.Observe(5, 40);
        costs.Observe(5, 40);
        costs.Observe(5, 40);
        Assert.Equal(30, costs.Predict(3));
        costs.Observe(3, 1e9);
        Assert.InRange(costs.Predict(3), 30, 60);
        for (var i = 0; i < 1000; i++)
            costs.Observe(1, 10);
        Assert.Equal(10.4, costs.Predict(3), 9);
    }

    /// <summary>Rows cost as much as passes, or guesses are never right: it stops.</summary>
    [Theory]
    [InlineData(1.0, true, 0)]
    [InlineData(0.02, false, 0)]
    [InlineData(0.02, true, 20)]
    public void It_guesses_where_that_pays(double perRow, bool right, int atLeast)
    {
        var (speculator, draft) = (new Speculator(TimeProvider.System), new Draft(4096));
        var text = Enumerable.Repeat(new[] { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 20).SelectMany(x => x).ToArray();
        var rows = 0;
        for (var pass = 0; pass < 200; pass++)
        {
            draft.Guess(text, 100);
            rows = speculator.Choose([draft], 1);
            Assert.Equal(rows, draft.Rows);
            speculator.Took(1 + rows, 1 + perRow * rows);
            draft.Learn(right ? draft.Tokens[..Math.Max(1, rows)] : [-1 - pass]);
        }
        Assert.True(atLeast == 0 ? rows == 0 : rows >= atLeast, $"{rows} rows");
    }
}
