using System.Text.Json.Nodes;
using Banyan.Runtime.Conversion;
using Banyan.Runtime.Embeddings;
using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;
using Banyan.Runtime.Tests.Files;
using Banyan.Tests;
using Microsoft.Extensions.AI;

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
        using var model = Model.Load(Reference.Path($"families/{name}"),
            new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        var runs = JsonNode.Parse(File.ReadAllText(SharedData.Path("models", $"families/{name}.reference.json")))!["runs"]!.AsArray();
        using var embedder = new Embedder(model);
        // All at once, and each alone.
        int[][] texts = [.. runs.Select(run => run!["tokens"]!.AsArray().Select(t => (int)t!).ToArray())];
        IReadOnlyList<float[]> Compute(IReadOnlyList<int[]> some) =>
            kind == "score" ? embedder.Score(some) : embedder.Embed(some, normalize: false);
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

    /// <summary>Qwen3's rerankers are published as language models; their score is the share of "yes" in what the two words get.</summary>
    [Fact]
    public void A_published_reranker_scores_by_its_answers()
    {
        using var temporary = new TemporaryFolder();
        var folder = Path.Combine(temporary.Path, "model");
        using (var file = ModelFile.Open(SharedData.Path("models", "families", "qwen3-embedding.gguf")))
            new FolderConversion(file, "F32").Write(folder);
        var tokenizer = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "tokenizer.json")))!;
        var vocabulary = tokenizer["model"]!["vocab"]!.AsObject();
        (vocabulary["yes"], vocabulary["no"]) = (301, 302);
        foreach (var old in vocabulary.Where(v => (int)v.Value! is 301 or 302 && v.Key is not ("yes" or "no")).Select(v => v.Key).ToList())
            vocabulary.Remove(old);
        var merges = tokenizer["model"]!["merges"]!.AsArray();
        foreach (var gone in merges.Where(m => m is JsonArray pair ? !vocabulary.ContainsKey($"{pair[0]}{pair[1]}")
            : !vocabulary.ContainsKey($"{m}".Replace(" ", "", StringComparison.Ordinal))).ToList())
            merges.Remove(gone);
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString());
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        config["architectures"] = new JsonArray("Qwen3ForCausalLM");
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());

        var options = new ModelOptions { Threads = 1, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 };
        int[] text = [.. Enumerable.Range(0, 40).Select(i => i * 7 % 200)];
        float[] logits;
        using (var model = Model.Load(folder, options))
        {
            Assert.Null(model.Weights.Classifier);
            using var cache = new KvCache(model, 64);
            using var forward = new Forward(model, cache, text.Length, 1);
            var (batch, sequence) = (new Batch(text.Length), new Sequence(cache, text.Length));
            Assert.True(sequence.TryReserve(text.Length));
            batch.Add(sequence, text, 1);
            forward.Run(batch);
            logits = forward.Result(0).ToArray();
        }
        File.WriteAllText(Path.Combine(folder, "README.md"), "---\nlicense: apache-2.0\n---\n# Qwen3-Reranker\n\nScores.\n");
        using var reranker = Model.Load(folder, options);
        using var embedder = new Embedder(reranker);
        var score = embedder.Score([text])[0];
        Assert.Equal(2, score.Length);
        Assert.Equal(1 / (1 + Math.Exp(logits[302] - logits[301])), score[0], 1e-5);
        Assert.Equal(1, score[0] + score[1], 1e-6);
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

    [Theory]
    [InlineData("qwen2-tiny-f32.gguf", 1100)]
    [InlineData("families/lfm2.gguf", 600)]
    public void A_decoders_long_text_goes_in_pieces_and_gives_the_same(string file, int tokens)
    {
        using var model = Model.Load(SharedData.Path("models", file),
            new ModelOptions { Threads = 1, Activations = ActivationFormat.Float, KvCache = KvFormat.F32, ContextLength = 1200 });
        int[] text = [.. Enumerable.Range(0, tokens).Select(i => i * 7 % 200)];
        using var embedder = new Embedder(model);
        var vector = embedder.Embed([[1, 2], text], normalize: false)[1];

        using var cache = new KvCache(model, tokens + 64);
        using var forward = new Forward(model, cache, tokens, 1, head: model.Weights.Hidden);
        var (batch, sequence) = (new Batch(tokens), new Sequence(cache, tokens));
        Assert.True(sequence.TryReserve(tokens));
        batch.Add(sequence, text, 1);
        forward.Run(batch);
        Assert.True(forward.Result(0).ToArray().Zip(vector, (a, b) => Math.Abs(a - b)).Max() < 1e-4f);
    }

    [Fact]
    public void A_vector_can_be_shortened()
    {
        using var model = Model.Load(Reference.Path("families/qwen3-embedding"), new ModelOptions { Threads = 1 });
        using var embedder = new Embedder(model);
        var (whole, first) = (embedder.Embed([[1, 2, 3]], normalize: false)[0], embedder.Embed([[1, 2, 3]], dimensions: 5)[0]);
        var length = Math.Sqrt(whole.Take(5).Sum(v => (double)v * v));
        Assert.Equal(5, first.Length);
        Assert.All(first.Zip(whole), p => Assert.Equal(p.Second / length, p.First, 1e-5));
        Assert.Contains($"outside 1 … {embedder.Dimensions}",
            Assert.Throws<ArgumentException>(() => embedder.Embed([[1]], dimensions: 9999)).Message);
    }

    [Fact]
    public async Task It_is_a_generator_of_embeddings()
    {
        using var model = Model.Load(Reference.Path("families/bert"), new ModelOptions { Threads = 1 });
        using var embedder = new Embedder(model);
        using var generator = embedder.AsEmbeddingGenerator();
        var made = await generator.GenerateAsync(["hello", "word"]);
        var texts = ((string[])["hello", "word"]).Select(t => model.Tokenizer.Encode(t)).ToList();
        Assert.Equal(embedder.Embed(texts), made.Select(e => e.Vector.ToArray()));
        Assert.Equal(texts.Sum(t => t.Length), made.Usage!.InputTokenCount);
        Assert.Equal(4, (await generator.GenerateVectorAsync("hello", new EmbeddingGenerationOptions { Dimensions = 4 })).Length);
        Assert.Equal(embedder.Dimensions, generator.GetService<EmbeddingGeneratorMetadata>()!.DefaultModelDimensions);
        Assert.Contains("text 2 has more than 128 tokens",
            (await Assert.ThrowsAsync<ArgumentException>(() =>
                generator.GenerateAsync(["a", new string('a', 500).Replace("a", "a ", StringComparison.Ordinal)]))).Message);
    }

    /// <summary>Queries and documents as the models' makers show them to a reranker; their special tokens in a text are text.</summary>
    [Theory]
    [InlineData("bert", "[CLS] he[SEP] lo[SEP]")]
    [InlineData("bert-reranker", "<s> he</s></s> lo</s>")]
    [InlineData("qwen3-reranker",
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: he\n<Document>: lo<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n")]
    public void A_query_stands_with_a_document_as_it_was_trained(string name, string expected)
    {
        using var model = Model.Load(Reference.Path($"families/{name}"),
            new ModelOptions { Threads = 1, ContextLength = name == "qwen3-reranker" ? 1024 : null });
        using var embedder = new Embedder(model);
        Assert.True(embedder.TryPair("he", "lo", out var tokens));
        Assert.Equal(expected, string.Concat(tokens.Select(model.Tokenizer.Text)));
        // A forged end is longer than one token.
        Assert.True(embedder.TryPair("he", "lo" + model.Tokenizer.Text(tokens[0]), out var forged));
        Assert.True(forged.Length > tokens.Length + 1 && forged.Count(t => t == tokens[0]) == tokens.Count(t => t == tokens[0]),
            string.Join(' ', forged));
        Assert.False(embedder.TryPair("he", string.Concat(Enumerable.Repeat("lo ", 2000)), out _));
    }
}
