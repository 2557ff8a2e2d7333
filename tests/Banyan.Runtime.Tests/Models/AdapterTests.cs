using Banyan.Runtime.Adapters;
using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Tests.Models;

/// <summary>A model with an adapter computes what the model with merged weights computes, for exactly the sequences that name it.</summary>
public sealed class AdapterTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-adapter-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // Of every projection; the output too where that is a matrix of its own.
    static AdapterWeights Random(Model model, int rank, bool dora, int seed, bool tiedOutput = false)
    {
        var random = new Random(seed);
        float[] Floats(int count, float size) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) * size)];
        return new(rank, 2 * rank, false,
            [.. model.Weights.Products.SelectMany(p => p.Projections).Where(p => tiedOutput || p.Name != "token_embd.weight").Select(p =>
            new ProjectionAdapter(p.Name == "token_embd.weight" ? "output.weight" : p.Name, p.Rows, p.Columns,
                Floats(rank * p.Columns, 0.2f), Floats(rank * p.Rows, 0.2f))
            {
                Magnitude = dora ? [.. Enumerable.Range(0, p.Rows).Select(i => 0.5f + i % 3)] : null,
            })]);
    }

    static float[][] Logits(Model model, params (int[] Tokens, ModelAdapter? Adapter)[] sequences)
    {
        using var cache = new KvCache(model, 512);
        var batch = new Batch(256);
        foreach (var (tokens, adapter) in sequences)
        {
            var sequence = new Sequence(cache, tokens.Length, adapter);
            Assert.True(sequence.TryReserve(tokens.Length));
            batch.Add(sequence, tokens, 1);
        }
        using var forward = new Forward(model, cache, batch.Capacity, sequences.Length);
        forward.Run(batch);
        return [.. sequences.Select((_, i) => forward.Result(i).ToArray())];
    }

    static readonly int[] s_short = [1, 5, 9, 2], s_long = [.. Enumerable.Range(3, 40)];

    [Theory]
    [InlineData("qwen2-tiny-f32", 4, false)]
    [InlineData("qwen2-tiny-f32", 5, true)]
    [InlineData("llama-tiny-F16", 3, false)]
    public void A_mixed_batch_gives_each_sequence_its_own_adapter(string name, int rank, bool dora)
    {
        var options = new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 };
        using var model = Model.Load(Reference.Path(name), options);
        var (weights, other) = (Random(model, rank, dora, 1), Random(model, 8, false, 2, tiedOutput: true));
        var (first, second) = (model.AddAdapter("first", weights), model.AddAdapter("second", other));
        var mixed = Logits(model, (s_short, null), (s_long, first), (s_short, first), (s_long, second), (s_long, null));
        var path = Path.Combine(_folder, "merged.gguf");
        using (var file = ModelFile.Open(Reference.Path(name)))
            new AdapterMerge(file, weights, "F32").Write(path);
        using var expected = Model.Load(path, options);
        Assert.Equal(Logits(expected, (s_long, null))[0], mixed[1], (a, b) => Math.Abs(a - b) <= 2e-4f * (1 + Math.Abs(a)));
        Assert.Equal(Logits(expected, (s_short, null))[0], mixed[2], (a, b) => Math.Abs(a - b) <= 2e-4f * (1 + Math.Abs(a)));
        Assert.Equal(Logits(model, (s_short, null))[0], mixed[0]);
        Assert.Equal(Logits(model, (s_long, second))[0], mixed[3]);
        Assert.NotEqual(mixed[3], mixed[1]);
    }

    [Theory]
    [InlineData(0.5f, -1.25f)]
    [InlineData(2f, 0f)]
    [InlineData(-1f, 1f)]
    public void Adapters_together_at_scales_are_the_model_with_all_of_them_merged(float one, float two)
    {
        var options = new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 };
        using var model = Model.Load(Reference.Path("qwen2-tiny-f32"), options);
        AdapterWeights[] weights = [Random(model, 4, false, 1), Random(model, 7, false, 2)];
        var (first, second) = (model.AddAdapter("first", weights[0]), model.AddAdapter("second", weights[1]));
        var mix = model.MixAdapters([(second, two), (first, one / 2), (first, one / 2)]);
        var mixed = Logits(model, (s_long, null), (s_long, mix), (s_short, mix), (s_long, second));
        var path = Reference.Path("qwen2-tiny-f32");
        foreach (var (adapter, scale, i) in new[] { (weights[0], one, 0), (weights[1], two, 1) })
        {
            var merged = Path.Combine(_folder, $"merged{i}.gguf");
            using (var file = ModelFile.Open(path))
                new AdapterMerge(file, adapter with { Alpha = adapter.Alpha * scale }, "F32").Write(merged);
            path = merged;
        }
        using var expected = Model.Load(path, options);
        Assert.Equal(Logits(expected, (s_long, null))[0], mixed[1], (a, b) => Math.Abs(a - b) <= 5e-4f * (1 + Math.Abs(a)));
        Assert.Equal(Logits(expected, (s_short, null))[0], mixed[2], (a, b) => Math.Abs(a - b) <= 5e-4f * (1 + Math.Abs(a)));
        Assert.NotEqual(mixed[0], mixed[1]);
        Assert.NotEqual(mixed[3], mixed[1]);
    }

    [Fact]
    public void What_is_mixed_is_found_again_and_what_cannot_be_is_named()
    {
        using var model = Model.Load(Reference.Path("qwen2-tiny-f32"));
        using var other = Model.Load(Reference.Path("qwen2-tiny-f32"));
        var (plain, dora) = (model.AddAdapter("plain", Random(model, 2, false, 1)), model.AddAdapter("dora", Random(model, 2, true, 2)));
        Assert.Same(plain, model.MixAdapters([(plain, 1), (dora, 0)]));
        Assert.Same(dora, model.MixAdapters([(dora, 1)]));
        Assert.Null(model.MixAdapters([(plain, 0)]));
        var half = model.MixAdapters([(plain, 0.5f)])!;
        Assert.Same(half, model.MixAdapters([(plain, 0.25f), (plain, 0.25f)]));
        Assert.Contains("'dora'", Assert.Throws<NotSupportedException>(() => model.MixAdapters([(dora, 0.5f)])).Message);
        Assert.Contains("'dora'", Assert.Throws<NotSupportedException>(() => model.MixAdapters([(dora, 1), (plain, 1)])).Message);
        Assert.Throws<ArgumentException>(() => model.MixAdapters([(half, 1)]));
        Assert.Throws<ArgumentException>(() => model.MixAdapters([(plain, float.NaN)]));
        Assert.Throws<ArgumentException>(() => other.MixAdapters([(plain, 1)]));
        for (var i = 2; i < 600; i++)
            Assert.NotNull(model.MixAdapters([(plain, i)]));
        Assert.NotSame(half, model.MixAdapters([(plain, 0.5f)]));
    }

    [Theory]
    [InlineData("qwen2-tiny-Q8_0")]
    [InlineData("llama-tiny-Q4_K_M")]
    public void Quantized_activations_change_little(string name)
    {
        float[][] Of(ModelOptions options)
        {
            using var model = Model.Load(Reference.Path(name), options);
            var adapter = model.AddAdapter("a", Random(model, 6, false, 1));
            return Logits(model, (s_long, adapter), (s_long, null));
        }
        var (exact, fast) = (Of(new() { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 }),
            Of(new() { Threads = 2 }));
        for (var i = 0; i < 2; i++)
        {
            var norm = Math.Sqrt(exact[i].Sum(v => v * v));
            Assert.InRange(Math.Sqrt(exact[i].Zip(fast[i]).Sum(p => (p.First - p.Second) * (p.First - p.Second))) / norm, 0, 0.05);
            Assert.InRange(Math.Sqrt(exact[0].Zip(fast[1]).Sum(p => (p.First - p.Second) * (p.First - p.Second))) / norm, 0.2,
                double.MaxValue);
        }
    }

    /// <summary>
    /// What llama.cpp (node-llama-cpp 3.22.1) gives for the prompt with the same file as its LoRA adapter: tokens and log-probabilities.
    /// It rounds activations to F16 before it multiplies by F16 weights.
    /// </summary>
    public static TheoryData<string, int[], double[]> LlamaCpp => new()
    {
        { "qwen2-tiny-F16", [231, 960, 42, 159, 578], [-3.39108, -4.57547, -4.64684, -4.75939, -4.86967] },
        { "llama-tiny-F16", [350, 1121, 686, 841, 1190], [-4.18309, -4.21954, -4.40939, -4.56196, -4.58194] },
        { "qwen3-tiny-F16", [1364, 8, 1846, 1530, 1885], [-4.52314, -4.66267, -4.70031, -4.73621, -4.89779] },
    };

    [Theory]
    [MemberData(nameof(LlamaCpp))]
    public void Llama_cpp_gives_the_same_with_the_same_file(string name, int[] tokens, double[] expected)
    {
        using var model = Model.Load(Reference.Path(name),
            new() { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        var seed = 0u;
        float[] Numbers(int count) =>
            [.. Enumerable.Range(0, count).Select(_ => ((seed = seed * 1664525 + 1013904223) >> 8) / 16777216f * 0.1f - 0.05f)];
        var projections = model.Weights.Products.SelectMany(p => p.Projections)
            .Where(p => p.Name.StartsWith("blk.", StringComparison.Ordinal)).OrderBy(p => p.Name, StringComparer.Ordinal)
            .Select(p => new ProjectionAdapter(p.Name, p.Rows, p.Columns, Numbers(8 * p.Columns), Numbers(8 * p.Rows))).ToList();
        var path = Path.Combine(_folder, "adapter.gguf");
        GgufAdapter.Write(path, new(8, 16, true, projections), model.Config.Architecture);
        var logits =
            Logits(model, ([5, 9, 17, 33, 2, 41, 8, 100, 23, 7], model.AddAdapter("a", AdapterWeights.Read(path, model.Config))))[0];
        var normalizer = Math.Log(logits.Sum(l => Math.Exp(l)));
        var actual = tokens.Select(t => logits[t] - normalizer).ToArray();
        Assert.All(actual.Zip(expected), p => Assert.Equal(p.Second, p.First, 3e-3));
        Assert.InRange(actual.Zip(expected).Average(p => Math.Abs(p.First - p.Second)), 0, 2e-3);
    }

    [Fact]
    public async Task A_beginning_computed_with_one_adapter_is_none_of_another()
    {
        using var model = Model.Load(Reference.Path("qwen2-tiny-f32"),
            new() { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        var adapter = model.AddAdapter("a", Random(model, 4, false, 3));
        await using var engine = new Engine(model, new EngineOptions { CacheTokens = 1024 });
        int[] prompt = [.. Enumerable.Range(0, 200).Select(i => i % 90)];
        async Task<(string Tokens, int Cached)> Answer(ModelAdapter? with)
        {
            var tokens = new List<int>();
            GenerationStatistics? statistics = null;
            await foreach (var generated in engine.GenerateAsync(prompt,
                new() { Temperature = 0, MaxTokens = 12, Adapter = with, IgnoreEndOfText = true }))
                (tokens, statistics) = ([.. tokens, generated.Token ?? -1], generated.Statistics);
            return (string.Join(' ', tokens), statistics!.CachedTokens);
        }
        var (plain, adapted) = (await Answer(null), await Answer(adapter));
        Assert.Equal((0, 0), (plain.Cached, adapted.Cached));
        Assert.NotEqual(plain.Tokens, adapted.Tokens);
        var (plainAgain, adaptedAgain) = (await Answer(null), await Answer(adapter));
        Assert.Equal((plain.Tokens, adapted.Tokens), (plainAgain.Tokens, adaptedAgain.Tokens));
        Assert.True(plainAgain.Cached > 0 && adaptedAgain.Cached > 0);
        Assert.Throws<ArgumentException>(() => engine.GenerateAsync(prompt, new() { Adapter = Elsewhere() }));

        ModelAdapter Elsewhere()
        {
            using var other = Model.Load(Reference.Path("qwen2-tiny-f32"));
            return other.AddAdapter("b", Random(other, 2, false, 4));
        }
    }

    [Fact]
    public void An_adapter_of_another_model_is_refused_by_name()
    {
        using var model = Model.Load(Reference.Path("qwen2-tiny-f32"));
        AdapterWeights Of(string tensor, int rows, int columns) =>
            new(1, 1, false, [new(tensor, rows, columns, new float[columns], new float[rows])]);
        Assert.Contains("blk.99.attn_q.weight",
            Assert.Throws<ArgumentException>(() => model.AddAdapter("x", Of("blk.99.attn_q.weight", 4, 4))).Message);
        Assert.Contains("[3, 7]", Assert.Throws<ArgumentException>(() => model.AddAdapter("x", Of("blk.0.attn_q.weight", 3, 7))).Message);
        Assert.Empty(model.Adapters);
    }
}
