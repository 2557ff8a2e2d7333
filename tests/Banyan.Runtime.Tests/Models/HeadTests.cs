using System.Text.Json.Nodes;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.State;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Models;

/// <summary>Passes that do not end in logits: hidden states and scores, against llama.cpp's.</summary>
public class HeadTests
{
    [Theory]
    [InlineData("qwen3-embedding", "vector")]
    [InlineData("qwen3-reranker", "score")]
    public void A_pass_ends_in(string name, string kind)
    {
        using var file = new ChangedModel($"families/{name}", new() { ["qwen3.pooling_type"] = null });
        using var model = Model.Load(file.Path, new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        var runs = JsonNode.Parse(File.ReadAllText(SharedData.Path("models", $"families/{name}.reference.json")))!["runs"]!.AsArray();
        using var cache = new KvCache(model, 256);
        // All runs side by side; the last token of each is wanted.
        var batch = new Batch(128);
        foreach (var run in runs)
        {
            int[] tokens = [.. run!["tokens"]!.AsArray().Select(t => (int)t!)];
            var sequence = new Sequence(cache, tokens.Length);
            Assert.True(sequence.TryReserve(tokens.Length));
            batch.Add(sequence, tokens, 1);
        }
        using var forward = new Forward(model, cache, batch.Capacity, runs.Count, head: kind == "score" ? model.Weights.Score : model.Weights.Hidden);
        forward.Run(batch);
        for (var i = 0; i < runs.Count; i++)
        {
            float[] expected = [.. runs[i]![kind]!.AsArray().Select(v => (float)v!)], actual = forward.Result(i).ToArray();
            if (kind == "score")
            {
                var exponentials = actual.Select(MathF.Exp).ToArray();
                actual = [.. exponentials.Select(e => e / exponentials.Sum())];
            }
            Assert.Equal(expected.Length, actual.Length);
            for (var j = 0; j < expected.Length; j++)
                Assert.Equal(expected[j], actual[j], 1e-4f);
        }
    }
}
