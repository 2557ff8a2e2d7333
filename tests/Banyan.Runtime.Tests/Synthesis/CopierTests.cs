using System.Text;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Synthesis;
using Banyan.Runtime.Tests.Files;

namespace Banyan.Runtime.Tests.Synthesis;

/// <summary>The model that copies: a file comes back whole, with the names changed that the prompt says, guessed ahead or not.</summary>
public class CopierTests
{
    static Model Load(TemporaryFolder folder, string type, ModelOptions? options = null)
    {
        var stream = new MemoryStream();
        Synthesizer.Create(Synthesizer.Shapes.First(s => s.Name == "copier"), type).WriteTo(stream);
        return Model.Load(folder.File($"copier-{type}.gguf", stream.ToArray()), options ?? new ModelOptions { Threads = 2 });
    }

    static int[] Prompt(Model model, string names, string file) => Conversation.With(model).Prepare(new()
    {
        Messages = [new JsonObject { ["role"] = "system", ["content"] = names }, new JsonObject { ["role"] = "user", ["content"] = file }],
    }).Prompt;

    /// <summary>Lines like code: no two alike, but much in them is.</summary>
    static string File(int lines, int seed)
    {
        var random = new Random(seed);
        var text = new StringBuilder();
        for (var line = 0; line < lines; line++)
            text.Append(' ', random.Next(3)).Append(Word()).Append('.').Append(Word()).Append(random.Next(3) == 0 ? "(emk)" : "(at)")
                .Append(" = ").Append(Word()).Append(Word()).Append(";\n");
        return text.ToString();

        string Word() => string.Concat(Enumerable.Range(0, 3).Select(_ => "etaoinsr"[random.Next(8)]));
    }

    static async Task<(string Text, GenerationStatistics Statistics)> Answer(Model model, int[] prompt,
        bool speculation, float temperature = 0)
    {
        await using var engine = new Engine(model, new EngineOptions { MaxRequests = 1, CacheTokens = 1, Speculation = speculation });
        var text = new StringBuilder();
        GenerationStatistics? statistics = null;
        await foreach (var generated in engine.GenerateAsync(prompt,
            new GenerationOptions { Temperature = temperature, Seed = 1, MaxTokens = 4_000 }, TestContext.Current.CancellationToken))
        {
            text.Append(generated.Text);
            statistics = generated.Statistics;
        }
        return (text.ToString(), statistics!);
    }

    [Fact]
    public async Task A_file_of_200_lines_is_rewritten_with_one_name_changed()
    {
        using var folder = new TemporaryFolder();
        using var model = Load(folder, "Q8_0");
        var file = File(200, 1);
        var prompt = Prompt(model, "emk edt", file);
        var with = await Answer(model, prompt, speculation: true);
        var without = await Answer(model, prompt, speculation: false);
        Assert.Equal(file.Replace("(emk)", "(edt)"), without.Text);
        Assert.Equal(without.Text, with.Text);
        // Most of it was guessed, and rightly so.
        Assert.True(with.Statistics.AcceptedTokens > 0.7 * with.Statistics.GeneratedTokens, $"{with.Statistics}");
        Assert.Equal(0, without.Statistics.DraftedTokens);
    }

    [Theory]
    [InlineData("F32", ActivationFormat.Float, KvFormat.F32)]
    [InlineData("BF16", ActivationFormat.Quantized, KvFormat.F16)]
    [InlineData("Q8_0", ActivationFormat.Quantized, KvFormat.Q8_0)]
    public async Task Every_kind_of_weights_and_cache_copies(string type, ActivationFormat activations, KvFormat kv)
    {
        using var folder = new TemporaryFolder();
        using var model = Load(folder, type, new ModelOptions { Threads = 2, Activations = activations, KvCache = kv });
        var file = File(12, 2);
        Assert.Equal(file.Replace("(emk)", "(edt)"), (await Answer(model, Prompt(model, "emk edt", file), speculation: true)).Text);
        Assert.Equal(file, (await Answer(model, Prompt(model, "", file), speculation: true)).Text);
    }

    /// <summary>What copier-1.5b is made by, where most heads, layers, dimensions and rows of the vocabulary are 0.</summary>
    [Fact]
    public async Task Larger_shapes_copy_too()
    {
        using var folder = new TemporaryFolder();
        var large = Synthesizer.Shapes.First(s => s.Name == "copier-1.5b");
        var stream = new MemoryStream();
        Synthesizer.Create(large with { Layers = 6, Embedding = 512, FeedForward = 256, Vocabulary = 9_000 }, "Q8_0").WriteTo(stream);
        using var model = Model.Load(folder.File("copier.gguf", stream.ToArray()), new ModelOptions { Threads = 2 });
        var file = File(12, 2);
        Assert.Equal(file.Replace("(emk)", "(edt)"), (await Answer(model, Prompt(model, "emk edt", file), speculation: true)).Text);
    }

    [Fact]
    public void Formats_of_256_weights_a_block_are_refused()
    {
        var shape = Synthesizer.Shapes.First(s => s.Name == "copier");
        Assert.Contains("copier in Q4_K_M", Assert.Throws<ArgumentException>(() => Synthesizer.Create(shape, "Q4_K_M")).Message);
    }
}
