using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Inference;

/// <summary>Vectors and scores over the APIs, of encoders and decoders, against llama.cpp's own.</summary>
public class EmbeddingTests(EmbeddingTests.Encoders encoders) : IClassFixture<EmbeddingTests.Encoders>
{
    public sealed class Encoders : IAsyncLifetime
    {
        internal TestServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await TestServer.StartAsync(o => o with
        {
            Inference = o.Inference with
            {
                Models = [.. ((string[])["bert", "bert-reranker", "qwen3-embedding", "qwen3-reranker"]).Select(name =>
                    SharedData.Path("models", "families", $"{name}.gguf")), SharedData.Path("models", "stories260K.gguf")],
            },
        });

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    TestServer Server => encoders.Server;

    static JsonNode Reference(string model) =>
        JsonNode.Parse(File.ReadAllText(SharedData.Path("models", "families", $"{model}.reference.json")))!["runs"]!;

    static float[] Floats(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetSingle())];

    static void Near(IEnumerable<float> expected, float[] actual, float most = 2e-3f)
    {
        Assert.Equal(expected.Count(), actual.Length);
        Assert.True(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max() <= most);
    }

    [Theory]
    [InlineData("bert")]
    [InlineData("qwen3-embedding")]
    public async Task Vectors_are_llama_cpps_over_every_api(string model)
    {
        var runs = Reference(model).AsArray();
        var texts = new JsonArray([.. runs.Select(r => r!["tokens"]!.DeepClone())]);
        float[][] raw = [.. runs.Select(r => r!["vector"]!.AsArray().Select(v => (float)v!).ToArray())];
        float[][] unit = [.. raw.Select(v => v.Select(x => x / MathF.Sqrt(v.Sum(y => y * y))).ToArray())];

        var openAi = await Server.PostJsonAsync("/v1/embeddings", new JsonObject { ["model"] = model, ["input"] = texts.DeepClone() });
        var data = openAi.GetProperty("data").EnumerateArray().ToList();
        Assert.Equal([("embedding", 0), ("embedding", 1), ("embedding", 2)],
            data.Select(d => (d.GetProperty("object").GetString()!, d.GetProperty("index").GetInt32())));
        var tokens = texts.Sum(t => t!.AsArray().Count);
        Assert.Equal(("list", model, tokens, tokens),
            (openAi.GetProperty("object").GetString(), openAi.GetProperty("model").GetString(),
                openAi.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(),
                openAi.GetProperty("usage").GetProperty("total_tokens").GetInt32()));
        for (var i = 0; i < raw.Length; i++)
            Near(unit[i], Floats(data[i].GetProperty("embedding")));

        var base64 = await Server.PostJsonAsync("/v1/embeddings",
            new JsonObject { ["model"] = model, ["input"] = texts[0]!.DeepClone(), ["encoding_format"] = "base64", ["dimensions"] = 8 });
        var length = MathF.Sqrt(raw[0].Take(8).Sum(x => x * x));
        Near(raw[0].Take(8).Select(x => x / length),
            MemoryMarshal.Cast<byte, float>(base64.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64()).ToArray());

        foreach (var (norm, of) in (((int, Func<float[], float>)[])[(-1, _ => 1), (2, v => MathF.Sqrt(v.Sum(x => x * x))),
            (1, v => v.Sum(Math.Abs)), (0, v => v.Max(Math.Abs) / 32760)]))
        {
            var llama = await Server.PostJsonAsync("/embedding",
                new JsonObject { ["model"] = model, ["content"] = texts.DeepClone(), ["embd_normalize"] = norm });
            Near(raw[2].Select(x => x / of(raw[2])), Floats(llama[2].GetProperty("embedding")[0]), norm == 0 ? 40 : 2e-3f);
        }
        var ollama = await Server.PostJsonAsync("/api/embed", new JsonObject { ["model"] = model, ["input"] = texts.DeepClone() });
        Near(unit[1], Floats(ollama.GetProperty("embeddings")[1]));
        Assert.Equal(tokens, ollama.GetProperty("prompt_eval_count").GetInt32());
    }

    [Fact]
    public async Task Texts_are_taken_as_each_api_has_them()
    {
        async Task<float[]> One(string text) =>
            Floats((await Server.PostJsonAsync("/v1/embeddings", new { model = "bert", input = text })).GetProperty(
                "data")[0].GetProperty("embedding"));
        var hello = await One("hello");
        Assert.Equal(hello,
            Floats((await Server.PostJsonAsync("/v1/embeddings",
                new { model = "bert", input = (string[])["other words", "hello"] })).GetProperty("data")[1].GetProperty("embedding")));
        Assert.Equal(hello, Floats((await Server.PostJsonAsync("/embeddings", new { input = "hello" }))[0].GetProperty("embedding")[0]));
        Assert.Equal(hello,
            Floats((await Server.PostJsonAsync("/api/embed", new { model = "bert", input = "hello" })).GetProperty("embeddings")[0]));
        // The older one is not made of length 1.
        var raw =
            Floats((await Server.PostJsonAsync("/api/embeddings", new { model = "bert", prompt = "hello" })).GetProperty("embedding"));
        var length = MathF.Sqrt(raw.Sum(x => x * x));
        Assert.NotEqual(1, length, 0.01);
        Near(raw.Select(x => x / length), hello, 1e-5f);
        Assert.Empty(
            (await Server.PostJsonAsync("/api/embed", new { model = "bert", input = Array.Empty<string>() })).GetProperty("embeddings")
                .EnumerateArray());
        // Ids and texts in one list are one text.
        foreach (var (input, count) in (IEnumerable<(object[], int)>)[([12, 34, "string", 56], 1),
            (["string1", (object[])[12, "string", 34]], 2)])
            Assert.Equal(count,
                (await Server.PostJsonAsync("/v1/embeddings", new { model = "bert", input })).GetProperty("data").GetArrayLength());
        // More texts than a turn has, in their order.
        var many = await Server.PostJsonAsync("/v1/embeddings",
            new { model = "bert", input = Enumerable.Range(0, 130).Select(i => i == 129 ? "hello" : new string('a', i % 7 + 1)) });
        Assert.Equal(hello, Floats(many.GetProperty("data")[129].GetProperty("embedding")));
    }

    [Fact]
    public async Task A_long_text_is_cut_only_where_the_client_says_so()
    {
        var text = string.Concat(Enumerable.Repeat("hello ", 200));
        foreach (var (path, body) in ((string, string)[])[("/v1/embeddings", "input"), ("/embedding", "content"), ("/api/embed", "input"),
            ("/api/embeddings", "prompt")])
        {
            var response = await Server.PostAsync(path, new JsonObject { ["model"] = "bert", [body] = text });
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Contains("has more than 128 tokens, and bert takes no more", await response.Content.ReadAsStringAsync());
        }
        var cut = await Server.PostJsonAsync("/api/embed", new { model = "bert", input = (string[])[text], truncate = true });
        Assert.InRange(cut.GetProperty("prompt_eval_count").GetInt32(), 120, 128);
    }

    [Fact]
    public async Task Scores_are_llama_cpps_and_documents_stand_by_them()
    {
        foreach (var model in (string[])["bert-reranker", "qwen3-reranker"])
        {
            var answer = await Server.PostJsonAsync("/v1/rerank",
                new
                {
                    model,
                    query = "he",
                    documents = (object[])["lo", new { text = "hello world" }, "w"],
                    top_n = 2,
                    return_documents = true
                });
            var results = answer.GetProperty("results").EnumerateArray().ToList();
            Assert.Equal(2, results.Count);
            Assert.True(results[0].GetProperty("relevance_score").GetSingle() >= results[1].GetProperty("relevance_score").GetSingle());
            Assert.All(results, r => Assert.InRange(r.GetProperty("relevance_score").GetSingle(), 0, 1));
            Assert.All(results,
                r => Assert.Equal(((string[])["lo", "hello world", "w"])[r.GetProperty("index").GetInt32()],
                    r.GetProperty("document").GetProperty("text").GetString()));
            Assert.True(answer.GetProperty("usage").GetProperty("total_tokens").GetInt32() > 6);

            // Text Embeddings Inference's shape, raw scores.
            var raw =
                (await Server.PostJsonAsync("/rerank",
                    new
                    {
                        model,
                        query = "he",
                        texts = (string[])["lo", "hello world", "w"],
                        raw_scores = true,
                        return_text = true
                    })).EnumerateArray().ToList();
            Assert.Equal(3, raw.Count);
            if (model == "bert-reranker")
                Assert.Equal(1 / (1 + MathF.Exp(-raw[0].GetProperty("score").GetSingle())),
                    results[0].GetProperty("relevance_score").GetSingle(), 1e-5);
            Assert.Equal(results[0].GetProperty("index").GetInt32(), raw[0].GetProperty("index").GetInt32());
        }
    }

    [Theory]
    [InlineData("/v1/rerank", """{"model":"bert","query":"a","documents":["b"]}""", "no classifier")]
    [InlineData("/v1/rerank", """{"model":"bert-reranker","query":"a","documents":[]}""", "'documents'")]
    [InlineData("/v1/rerank", """{"model":"bert-reranker","query":"a","documents":["b",3]}""", "documents[1]")]
    [InlineData("/v1/rerank", """{"model":"bert-reranker","documents":["b"]}""", "'query'")]
    [InlineData("/v1/embeddings", """{"model":"bert","input":"a","dimensions":999}""", "outside 1 … 64")]
    [InlineData("/v1/embeddings", """{"model":"bert","input":"a","encoding_format":"hex"}""", "encoding_format")]
    [InlineData("/v1/embeddings", """{"model":"qwen3-embedding","input":[[1],[]]}""", "input[1]")]
    [InlineData("/v1/embeddings", """{"model":"bert","input":[[1],[99999]]}""", "input[1]")]
    [InlineData("/v1/embeddings", """{"model":"nobody","input":"a"}""", "nobody")]
    [InlineData("/v1/chat/completions", """{"model":"bert","messages":[{"role":"user","content":"a"}]}""",
        "is an encoder (bert): it gives vectors (/v1/embeddings)")]
    [InlineData("/v1/messages", """{"model":"bert-reranker","max_tokens":1,"messages":[{"role":"user","content":"a"}]}""",
        "it gives scores (/v1/rerank)")]
    [InlineData("/api/generate", """{"model":"bert","prompt":"a"}""", "is an encoder")]
    [InlineData("/infill", """{"model":"bert","input_prefix":"a"}""", "is an encoder")]
    public async Task What_cannot_be_had_is_said(string path, string body, string expected)
    {
        var response = await Server.PostAsync(path, body);
        Assert.Equal(body.Contains("nobody", StringComparison.Ordinal) ? HttpStatusCode.NotFound
            : HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(expected, await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Too_many_texts_are_refused()
    {
        var response = await Server.PostAsync("/v1/embeddings", new { model = "bert", input = Enumerable.Repeat("a", 2049) });
        Assert.Contains("2049 texts, at most 2048", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task An_encoder_shows_what_it_is()
    {
        Assert.Equal("ok", JsonDocument.Parse(await Server.Client.GetStringAsync("/health")).RootElement.GetProperty("status").GetString());
        Assert.Equal(["embedding"], (await Server.PostJsonAsync("/api/show", new { model = "bert" })).GetProperty("capabilities")
            .EnumerateArray().Select(c => c.GetString()));
        Assert.NotEmpty((await Server.PostJsonAsync("/tokenize", new { model = "bert", content = "hello" })).GetProperty("tokens")
            .EnumerateArray());
        Assert.Equal("ready",
            JsonDocument.Parse(await Server.Client.GetStringAsync("/status")).RootElement.GetProperty("models")[0].GetProperty("state")
                .GetString());
    }
}
