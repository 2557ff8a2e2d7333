using Banyan.Runtime.Models;

namespace Banyan.Runtime.Tests.Models;

/// <summary>
/// The bar every model has to reach: log-probabilities against a float64 reference, along the reference's own tokens.
/// </summary>
public class ReferenceTests
{
    const float Exact = 2e-3f, HalfCache = 6e-3f, Fast = 0.2f, FastMean = 0.05f;

    // The reference's GELU is a table of half precision, which float64 differs from by up to 6e-3.
    const float ExactGelu = 1e-2f;

    public static TheoryData<string> Models => [.. Reference.All];

    static Model Load(string model, ActivationFormat activations, KvFormat kv) =>
        Model.Load(Reference.Path(model), new ModelOptions { Threads = 2, Activations = activations, KvCache = kv });

    static void Check(List<float> differences, float most, float mean = float.MaxValue)
    {
        Assert.NotEmpty(differences);
        var found = $"max {differences.Max():g3}, mean {differences.Average():g3}";
        TestContext.Current.TestOutputHelper?.WriteLine(found);
        // Written so that NaN fails.
        Assert.True(differences.All(d => d <= most), $"{found}: at most {most} each");
        Assert.True(differences.Average() <= mean, $"{found}: at most {mean} on average");
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Float_activations_and_an_F32_cache_are_exact(string name)
    {
        using var model = Load(name, ActivationFormat.Float, KvFormat.F32);
        foreach (var run in Reference.Load(name).Runs)
            Check(Reference.Differences(model, [run], 256), name.Contains("gemma") ? ExactGelu : Exact);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void An_F16_cache_is_nearly_exact(string name)
    {
        using var model = Load(name, ActivationFormat.Float, KvFormat.F16);
        Check(Reference.Differences(model, Reference.Load(name).Runs, 256), name.Contains("gemma") ? ExactGelu : HalfCache);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Fast_kernels_stay_close(string name)
    {
        using var model = Load(name, ActivationFormat.Quantized, KvFormat.F16);
        Check(Reference.Differences(model, Reference.Load(name).Runs, 256), Fast, FastMean);
    }

    /// <summary>
    /// What a rung has to show: one model of each weight format, and of each kind of mixer and feed-forward. What else a family does is the
    /// same on all.
    /// </summary>
    public static TheoryData<string> FormatsAndKinds => [.. Reference.FormatsAndKinds];

    [Theory]
    [MemberData(nameof(FormatsAndKinds))]
    public void Formats_and_kinds_of_layers_stay_close(string name) => Fast_kernels_stay_close(name);

    [Theory]
    [MemberData(nameof(FormatsAndKinds))]
    public void Formats_and_kinds_of_layers_are_exact(string name)
    {
        Float_activations_and_an_F32_cache_are_exact(name);
        An_F16_cache_is_nearly_exact(name);
    }

    // Chunks of 1 (a token at a time), of odd sizes, across pages of 64, of nearly everything.
    [Theory]
    [InlineData("qwen2-tiny-Q4_K_M", 1)]
    [InlineData("qwen2-tiny-Q4_K_M", 7)]
    [InlineData("llama-tiny-Q8_0", 3)]
    [InlineData("llama-tiny-Q8_0", 65)]
    [InlineData("qwen3-tiny-F16", 1)]
    [InlineData("qwen3-tiny-F16", 63)]
    [InlineData("qwen3moe-tiny-Q8_0", 1)]
    [InlineData("qwen3moe-tiny-Q8_0", 13)]
    [InlineData("stories260K", 1)]
    [InlineData("stories260K", 149)]
    [InlineData("families/qwen35", 1)]
    [InlineData("families/qwen3next", 7)]
    [InlineData("families/granitehybrid", 1)]
    [InlineData("families/nemotron_h", 5)]
    [InlineData("families/falcon-h1", 9)]
    [InlineData("families/deepseek2", 1)]
    [InlineData("families/gpt-oss", 1)]
    [InlineData("families/gpt-oss", 33)]
    [InlineData("families/gemma4", 1)]
    [InlineData("families/gemma4", 31)]
    [InlineData("families/gemma2", 11)]
    [InlineData("families/cohere2", 6)]
    [InlineData("families/muse-glimmer", 13)]
    [InlineData("families/llama4", 3)]
    public void Prefill_in_chunks_is_the_same(string name, int chunk)
    {
        using var exact = Load(name, ActivationFormat.Float, KvFormat.F32);
        foreach (var run in Reference.Load(name).Runs)
            Check(Reference.Differences(exact, [run], chunk), name.Contains("gemma") ? ExactGelu : Exact);
        using var fast = Load(name, ActivationFormat.Quantized, KvFormat.F16);
        Check(Reference.Differences(fast, Reference.Load(name).Runs, chunk), Fast, FastMean);
    }

    [Theory]
    [InlineData("qwen2-tiny-Q4_K_M")]
    [InlineData("qwen3-tiny-Q8_0")]
    [InlineData("qwen3moe-tiny-F16")]
    [InlineData("llama-tiny-Q4_K_M")]
    [InlineData("stories260K")]
    [InlineData("families/olmo3")]
    [InlineData("families/lfm2")]
    [InlineData("families/phi3")]
    [InlineData("families/granitemoe")]
    [InlineData("families/qwen35moe")]
    [InlineData("families/granitehybrid")]
    [InlineData("families/deepseek2-lite")]
    [InlineData("families/gpt-oss")]
    [InlineData("families/gemma4moe")]
    public void Eight_interleaved_sequences_are_the_same(string name)
    {
        var runs = Reference.Load(name).Runs;
        Reference.Run[] eight = [.. Enumerable.Range(0, 8).Select(i => runs[i % runs.Count])];
        using var exact = Load(name, ActivationFormat.Float, KvFormat.F32);
        Check(Reference.Differences(exact, eight, 5), name.Contains("gemma") ? ExactGelu : Exact);
        using var fast = Load(name, ActivationFormat.Quantized, KvFormat.F16);
        Check(Reference.Differences(fast, eight, 16), Fast, FastMean);
    }
}
