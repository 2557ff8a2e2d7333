using System.Text.Json.Nodes;
using Banyan.Runtime.Embeddings;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Models;

/// <summary>Encoders and decoders that give vectors and scores, against llama.cpp's, whose GELU is a table of halves.</summary>
public class HeadTests
{
    [Theory]
    [InlineData("qwen3-embedding", "vector", 1e-4f)]
    [InlineData("qwen3-reranker", "score", 1e-4f)]
    [InlineData("bert", "vector", 2e-3f)]
    [InlineData("bert-reranker", "score", 2e-3f)]
    [InlineData("nomic-bert", "vector", 1e-4f)]
    [InlineData("modern-bert", "vector", 2e-3f)]
    [InlineData("jina-bert-v2", "vector", 2e-3f)]
    [InlineData("gemma-embedding", "vector", 2e-3f)]
    public void Vectors_and_scores_are_llama_cpps(string name, string kind, float most)
    {
        using var model = Model.Load(Reference.Path($"families/{name}"), new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        var runs = JsonNode.Parse(File.ReadAllText(SharedData.Path("models", $"families/{name}.reference.json")))!["runs"]!.AsArray();
        using var embedder = new Embedder(model);
        // All at once, and each alone.
        int[][] texts = [.. runs.Select(run => run!["tokens"]!.AsArray().Select(t => (int)t!).ToArray())];
        IReadOnlyList<float[]> Compute(IReadOnlyList<int[]> some) => kind == "score" ? embedder.Score(some) : embedder.Embed(some, normalize: false);
        var together = Compute(texts);
        for (var i = 0; i < runs.Count; i++)
        {
            float[] expected = [.. runs[i]![kind]!.AsArray().Select(v => (float)v!)];
            Assert.Equal(expected.Length, together[i].Length);
            var difference = expected.Zip(together[i], (a, b) => Math.Abs(a - b)).Max();
            Assert.True(difference <= most, $"text {i + 1} differs by {difference}");
            Assert.True(Compute([texts[i]])[0].Zip(together[i], (a, b) => Math.Abs(a - b)).Max() < 1e-5f);
        }
        if (kind == "vector")
            Assert.All(embedder.Embed(texts), v => Assert.Equal(1, v.Sum(x => (double)x * x), 1e-5));
    }

    [Fact]
    public void What_it_cannot_do_is_said()
    {
        using var model = Model.Load(Reference.Path("families/bert"), new ModelOptions { Threads = 1 });
        using var embedder = new Embedder(model);
        Assert.Contains("encoder", Assert.Throws<NotSupportedException>(() => new Engine(model)).Message);
        Assert.Contains("classifier", Assert.Throws<InvalidOperationException>(() => embedder.Score([[1]])).Message);
        Assert.Contains("no tokens", Assert.Throws<ArgumentException>(() => embedder.Embed([[1], []])).Message);
        Assert.Contains("has 129 tokens", Assert.Throws<ArgumentException>(() => embedder.Embed([new int[129]])).Message);
        Assert.Contains("512", Assert.Throws<ArgumentException>(() => embedder.Embed([[512]])).Message);
    }
}
