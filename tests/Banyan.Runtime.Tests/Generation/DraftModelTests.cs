using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Synthesis;
using Banyan.Runtime.Tests.Files;
using Banyan.Runtime.Tests.Models;
using static Banyan.Runtime.Tests.Generation.Answers;

namespace Banyan.Runtime.Tests.Generation;

/// <summary>A small model guesses for a large one: the large one's text, and only where it pays.</summary>
public class DraftModelTests
{
    static Model Synthesize(TemporaryFolder folder, string shape, string type, ulong seed)
    {
        var stream = new MemoryStream();
        Synthesizer.Create(Synthesizer.Shapes.First(s => s.Name == shape), type, seed: seed).WriteTo(stream);
        return Model.Load(folder.File($"{shape}-{type}-{seed}.gguf", stream.ToArray()), new ModelOptions { Threads = 2 });
    }

    static Model Load(string name, KvFormat kv = KvFormat.F16) =>
        Model.Load(Reference.Path(name), new ModelOptions { Threads = 2, KvCache = kv });

    // Integer products: bit for bit the same in any company.
    const string Exact = "llama-tiny-Q8_0";

    static int[] Random(Model model, int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(3, model.Tokenizer.Count))];
    }

    /// <summary>Alone and in company, across pages, with every way of choosing; the draft model is nearly always right.</summary>
    [Fact]
    public async Task The_same_seed_gives_the_same_text()
    {
        using var model = Load(Exact);
        using var draft = Load(Exact, KvFormat.Q8_0);
        await using var with = new Engine(model, new EngineOptions { Draft = draft, DraftTokens = 3, Clock = new EvenClock() });
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        GenerationOptions Options(int i) => new()
        {
            MaxTokens = 70 + i,
            IgnoreEndOfText = true,
            Seed = (ulong)i,
            Temperature = i % 3 * 0.5f,
            TopK = i % 2 * 20,
            TopP = i % 4 == 2 ? 0.9f : 1,
            RepetitionPenalty = i % 4 == 3 ? 1.1f : 1,
            LogitBias = i % 5 == 4 ? new Dictionary<int, float> { [300] = 2 } : null,
        };
        var prompts = Enumerable.Range(0, 10).Select(i => Random(model, 20 + 25 * i, i)).ToArray();
        var expected = new List<int[]>();
        var accepted = 0;
        for (var i = 0; i < prompts.Length; i++)
        {
            expected.Add((await Generate(without, prompts[i], Options(i))).Tokens);
            var alone = await Generate(with, prompts[i], Options(i));
            Assert.Equal(expected[i], alone.Tokens);
            accepted += alone.Statistics.AcceptedTokens;
        }
        var together = await Task.WhenAll(prompts.Select((p, i) => Generate(with, p, Options(i))));
        Assert.Equal(expected, together.Select(t => t.Tokens));
        Assert.True(accepted > 200, $"{accepted} accepted");
    }

    [Fact]
    public async Task Short_pages_change_nothing()
    {
        using var model = Load(Exact);
        using var draft = Load(Exact);
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        await using var with = new Engine(model, new EngineOptions { Draft = draft, CacheTokens = 640, MaxRequests = 5, DraftTokens = 2 });
        var options = new GenerationOptions { MaxTokens = 90, Temperature = 0, IgnoreEndOfText = true };
        var prompts = Enumerable.Range(0, 8).Select(i => Random(model, 30 + 20 * i, i)).ToArray();
        var together = await Task.WhenAll(prompts.Select(p => Generate(with, p, options)));
        for (var i = 0; i < prompts.Length; i++)
            Assert.Equal((await Generate(without, prompts[i], options)).Tokens, together[i].Tokens);
    }

    [Fact]
    public async Task The_distribution_is_the_same()
    {
        using var model = Load("stories260K");
        using var draft = Load("stories260K", KvFormat.Q8_0);
        await using var with = new Engine(model, new EngineOptions { Draft = draft, DraftTokens = 2, Clock = new EvenClock() });
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        var prompt = model.Tokenizer.Encode("Once upon a time, there was a");
        await HaveOneDistribution(with, without, prompt);
    }

    /// <summary>A draft model that is never right is asked ever more seldom, and changes nothing.</summary>
    [Fact]
    public async Task One_that_is_wrong_is_left_alone()
    {
        using var folder = new TemporaryFolder();
        using var model = Synthesize(folder, "tiny-qwen2", "Q8_0", 1);
        using var draft = Synthesize(folder, "tiny-qwen2", "Q8_0", 2);
        await using var with = new Engine(model, new EngineOptions { Draft = draft, Clock = new EvenClock() });
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        var options = new GenerationOptions { MaxTokens = 600, IgnoreEndOfText = true, Seed = 3 };
        var prompt = Random(model, 50, 1);
        var guessed = await Generate(with, prompt, options);
        Assert.Equal((await Generate(without, prompt, options)).Tokens, guessed.Tokens);
        Assert.True(guessed.Statistics.DraftedTokens < 150, $"{guessed.Statistics}");
    }

    [Fact]
    public void Another_vocabulary_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var model = Synthesize(folder, "tiny-qwen2", "Q8_0", 1);
        using var draft = Load("stories260K");
        var message = Assert.Throws<ArgumentException>(() => new Engine(model, new EngineOptions { Draft = draft })).Message;
        Assert.Contains("another vocabulary", message);
        Assert.Contains("tiny-qwen2", message);
        Assert.Contains("stories260K", message);
    }
}
