using System.Runtime.InteropServices;
using System.Text;
using Banyan.Runtime.Conversion;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.State;
using Banyan.Runtime.Synthesis;
using Banyan.Runtime.Tests.Files;
using Banyan.Runtime.Tests.Models;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Tests.Generation.Answers;

namespace Banyan.Runtime.Tests.Generation;

/// <summary>The layer of a model that guesses ahead (MTP): it computes what the paper says, and changes the speed alone.</summary>
public class PredictionTests
{
    // Of the kind of Qwen3.5: gated delta nets, and attention with a gate in every second layer.
    const string Shape = """
        title tiny-qwen35
        architecture qwen35
        layers 4
        vocabulary 2080 special 2048
        u context_length 2048
        u embedding_length 64
        u feed_forward_length 128
        u attention.head_count 4
        u attention.head_count_kv 2
        u attention.key_length 32
        u attention.value_length 32
        f attention.layer_norm_rms_epsilon 1e-6
        u full_attention_interval 2
        u ssm.conv_kernel 4
        u ssm.inner_size 64
        u ssm.state_size 16
        u ssm.time_step_rank 4
        u ssm.group_count 2
        u rope.dimension_count 16
        f rope.freq_base 10000
        t token_embd.weight 2080 64
        l attn_norm.weight 64
        l@!1/2 attn_qkv.weight 128 64
        l@!1/2 attn_gate.weight 64 64
        l@!1/2 ssm_conv1d.weight 128 4
        l@!1/2 ssm_dt.bias 4
        l@!1/2 ssm_a 4 = -1*4
        l@!1/2 ssm_beta.weight 4 64
        l@!1/2 ssm_alpha.weight 4 64
        l@!1/2 ssm_norm.weight 16
        l@!1/2 ssm_out.weight 64 64
        l@1/2 attn_q.weight 256 64
        l@1/2 attn_k.weight 64 64
        l@1/2 attn_v.weight 64 64
        l@1/2 attn_q_norm.weight 32
        l@1/2 attn_k_norm.weight 32
        l@1/2 attn_output.weight 64 128
        l post_attention_norm.weight 64
        l ffn_gate.weight 128 64
        l ffn_up.weight 128 64
        l ffn_down.weight 64 128
        n nextn.eh_proj.weight 64 128
        n nextn.enorm.weight 64
        n nextn.hnorm.weight 64
        n nextn.shared_head_norm.weight 64
        n attn_norm.weight 64
        n attn_q.weight 256 64
        n attn_k.weight 64 64
        n attn_v.weight 64 64
        n attn_q_norm.weight 32
        n attn_k_norm.weight 32
        n attn_output.weight 64 128
        n post_attention_norm.weight 64
        n ffn_gate.weight 128 64
        n ffn_up.weight 128 64
        n ffn_down.weight 64 128
        t output_norm.weight 64
        """;

    static ModelShape Tiny => ShapeText.Read("tiny-qwen35", Shape.ReplaceLineEndings("\n"));

    static Model Synthesize(TemporaryFolder folder, ModelShape shape, ModelOptions? options = null)
    {
        var stream = new MemoryStream();
        Synthesizer.Create(shape, "F32").WriteTo(stream);
        return Model.Load(folder.File($"{shape.Name}.gguf", stream.ToArray()),
            options ?? new ModelOptions { Threads = 2, Activations = ActivationFormat.Float });
    }

    static int[] Random(Model model, int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(3, model.Tokenizer.Count))];
    }

    /// <summary>Alone and in company, prompts short and longer than what waits, with every way of choosing.</summary>
    [Fact]
    public async Task One_that_is_always_right_changes_no_text()
    {
        using var folder = new TemporaryFolder();
        using var model = Synthesize(folder, Tiny.Foreseeing());
        await using var with = new Engine(model, new EngineOptions { DraftTokens = 3, Clock = new EvenClock() });
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        GenerationOptions Options(int i) => new()
        {
            MaxTokens = 40 + i,
            IgnoreEndOfText = true,
            Seed = (ulong)i,
            Temperature = i % 3 * 0.5f,
            TopK = i % 2 * 20,
            RepetitionPenalty = i % 4 == 3 ? 1.1f : 1,
        };
        var prompts = Enumerable.Range(0, 10).Select(i => Random(model, 2 + 40 * i, i)).ToArray();
        var expected = new List<int[]>();
        var (drafted, accepted) = (0, 0);
        for (var i = 0; i < prompts.Length; i++)
        {
            expected.Add((await Generate(without, prompts[i], Options(i))).Tokens);
            var alone = await Generate(with, prompts[i], Options(i));
            Assert.Equal(expected[i], alone.Tokens);
            (drafted, accepted) = (drafted + alone.Statistics.DraftedTokens, accepted + alone.Statistics.AcceptedTokens);
        }
        var together = await Task.WhenAll(prompts.Select((p, i) => Generate(with, p, Options(i))));
        Assert.Equal(expected, together.Select(t => t.Tokens));
        Assert.True(accepted > 250 && accepted > 0.95 * drafted, $"{accepted} of {drafted} accepted");
    }

    /// <summary>Requests that give way and come again, second turns that find their beginning in the cache, pages that run out.</summary>
    [Fact]
    public async Task Short_pages_and_second_turns_change_nothing()
    {
        using var folder = new TemporaryFolder();
        using var model = Synthesize(folder, Tiny.Foreseeing());
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        await using var with = new Engine(model, new EngineOptions { CacheTokens = 640, MaxRequests = 5, DraftTokens = 2 });
        var options = new GenerationOptions { MaxTokens = 90, IgnoreEndOfText = true, Seed = 1 };
        var prompts = Enumerable.Range(0, 8).Select(i => Random(model, 30 + 20 * i, i)).ToArray();
        var together = await Task.WhenAll(prompts.Select(p => Generate(with, p, options)));
        for (var i = 0; i < prompts.Length; i++)
            Assert.Equal((await Generate(without, prompts[i], options)).Tokens, together[i].Tokens);
        foreach (var (prompt, answer) in prompts.Zip(together.Select(t => t.Tokens)))
        {
            int[] second = [.. prompt, .. answer, .. Random(model, 20, 99)];
            Assert.Equal((await Generate(without, second, options)).Tokens, (await Generate(with, second, options)).Tokens);
        }
    }

    /// <summary>A large vocabulary, of which the common tokens alone are guessed while the text is of them.</summary>
    [Fact]
    public async Task Guesses_among_common_tokens_change_nothing()
    {
        using var folder = new TemporaryFolder();
        var large = Shape.Replace("vocabulary 2080 special 2048", "vocabulary 140000 special 139000").Replace("2080 64", "140000 64");
        using var model = Synthesize(folder, ShapeText.Read("tiny-qwen35", large.ReplaceLineEndings("\n")).Foreseeing());
        var layer = model.Weights.Prediction!;
        using (var cache = new KvCache(layer.States, KvFormat.F32, 128))
        using (var forward = new Forward(model, layer, cache, 8, 8))
        {
            Run(forward, cache, [1, 2, 3]);
            var all = forward.Result(2).ToArray();
            forward.Head = Assert.IsType<ProjectionHead>(layer.CommonLogits);
            Run(forward, cache, [1, 2, 3]);
            Assert.Equal(all[..PredictionLayer.CommonTokens], forward.Result(2).ToArray());
        }
        await using var with = new Engine(model, new EngineOptions { DraftTokens = 3 });
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        // Biased towards common tokens, then not: both ways of guessing.
        foreach (var bias in new[] { 0, 1000 })
        {
            var options = new GenerationOptions
            {
                MaxTokens = 60,
                IgnoreEndOfText = true,
                Seed = 7,
                LogitBias = Enumerable.Range(100, 200).ToDictionary(i => i, _ => (float)bias)
            };
            int[] prompt = [.. Enumerable.Range(100, 150)];
            var guessed = await Generate(with, prompt, options);
            Assert.Equal((await Generate(without, prompt, options)).Tokens, guessed.Tokens);
            Assert.True(guessed.Statistics.AcceptedTokens > (bias > 0 ? 30 : 5), $"{guessed.Statistics}");
        }
    }

    /// <summary>One that is never right is asked ever more seldom, and changes nothing.</summary>
    [Fact]
    public async Task One_that_is_wrong_is_left_alone()
    {
        using var folder = new TemporaryFolder();
        using var model = Synthesize(folder, Tiny with { Predicts = true });
        await using var with = new Engine(model, new EngineOptions { Clock = new EvenClock() });
        await using var without = new Engine(model, new EngineOptions { Speculation = false });
        var options = new GenerationOptions { MaxTokens = 600, IgnoreEndOfText = true, Seed = 3 };
        var prompt = Random(model, 50, 1);
        var guessed = await Generate(with, prompt, options);
        Assert.Equal((await Generate(without, prompt, options)).Tokens, guessed.Tokens);
        Assert.InRange(guessed.Statistics.DraftedTokens, 1, 150);
    }

    /// <summary>
    /// A model of that one layer, whose embeddings are what the paper's formula makes of the tokens and of what the model knew before each,
    /// gives the same logits: its layer and its head are as those of models that were compared with others.
    /// </summary>
    [Theory]
    [InlineData("qwen35", "full_attention_interval")]
    [InlineData("glm4moe", "leading_dense_block_count")]
    public void It_computes_what_the_paper_says(string kind, string inOneLayer)
    {
        using var folder = new TemporaryFolder();
        var options = new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 };
        using var model = kind == "qwen35" ? Synthesize(folder, Tiny with { Predicts = true }, options)
            : Model.Load(Reference.Path("families/glm4moe"), options);
        var layer = Assert.IsType<PredictionLayer>(model.Weights.Prediction);
        var (columns, text) = (model.Config.EmbeddingSize, Random(model, 31, 1));
        var hidden = Rows(model, text, columns, head: model.Weights.Hidden);

        using var file = ModelFile.Open(model.Path);
        var (writer, own) = (new GgufWriter(), $"blk.{model.Config.Layers}.");
        foreach (var (key, value) in file.Metadata.All)
            if (!key.EndsWith(".nextn_predict_layers", StringComparison.Ordinal))
                writer.Set(key, key.EndsWith(".block_count", StringComparison.Ordinal) ? 1u
                    : key.EndsWith($".{inOneLayer}", StringComparison.Ordinal) ? kind == "qwen35" ? 1u : 0u : value);
        void Add(string name, Tensor tensor) => writer.Add(name, tensor.Format, tensor.Shape, stream =>
        {
            for (var row = 0; row < tensor.Rows; row++)
                stream.Write(tensor.Row(row));
        });
        foreach (var tensor in file.Tensors)
            if (tensor.Name.StartsWith(own, StringComparison.Ordinal) && !tensor.Name.Contains("nextn.", StringComparison.Ordinal))
                Add($"blk.0.{tensor.Name[own.Length..]}", tensor);
        Add("output_norm.weight", file.GetTensor($"{own}nextn.shared_head_norm.weight"));
        Add("output.weight", file.TryGetTensor("output.weight", out var output) ? output : file.GetTensor("token_embd.weight"));
        var embeddings = new float[model.Config.VocabularySize * columns];
        for (var i = 0; i < text.Length - 1; i++)
            Joined(file, own, text[i + 1], hidden[i], model.Config.NormEpsilon).CopyTo(embeddings, i * columns);
        writer.Add("token_embd.weight", WeightFormat.F32, [model.Config.VocabularySize, columns],
            stream => stream.Write(MemoryMarshal.AsBytes(embeddings.AsSpan())));
        var one = new MemoryStream();
        writer.WriteTo(one);
        using var alone = Model.Load(folder.File("one-layer.gguf", one.ToArray()), options);

        var expected = Rows(alone, [.. Enumerable.Range(0, text.Length - 1)], model.Config.VocabularySize);
        using var cache = new KvCache(layer.States, KvFormat.F32, 64);
        using var forward = new Forward(model, layer, cache, text.Length, text.Length);
        for (var i = 0; i < text.Length - 1; i++)
            hidden[i].CopyTo(forward.Known(i));
        Run(forward, cache, text[1..]);
        for (var i = 0; i < text.Length - 1; i++)
            for (var token = 0; token < model.Config.VocabularySize; token++)
                Assert.Equal(expected[i][token], forward.Result(i)[token], 1e-4f);
    }

    /// <summary>
    /// From a folder of safetensors, where the layer has names of its own, as from GGUF; and a file made from the folder is the first one.
    /// </summary>
    [Fact]
    public void A_folder_has_it_too()
    {
        using var folder = new TemporaryFolder();
        string path;
        using (var model = Synthesize(folder, Tiny with { Predicts = true }))
            path = model.Path;
        var (written, back) = (Path.Combine(folder.Path, "written"), Path.Combine(folder.Path, "back.gguf"));
        using var file = ModelFile.Open(path);
        new FolderConversion(file, "F32").Write(written);
        Assert.Contains("mtp.layers.0.self_attn.q_proj.weight",
            Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(written, "model.safetensors"))), StringComparison.Ordinal);
        using (var again = ModelFile.Open(written))
        using (var conversion = new GgufConversion(again))
            conversion.Write(back);
        using (var model = Model.Load(written))
            Assert.True(model.GuessesAhead);
        using var made = ModelFile.Open(back);
        Assert.Equal(file.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal),
            made.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal));
        Assert.Equal(file.Metadata.Get<long>("qwen35.block_count"), made.Metadata.Get<long>("qwen35.block_count"));
        Assert.Equal(1, made.Metadata.Get<long>("qwen35.nextn_predict_layers"));
        foreach (var tensor in file.Tensors.Where(t => t.Name.StartsWith("blk.4.", StringComparison.Ordinal)))
            for (var row = 0; row < tensor.Rows; row++)
                foreach (var (a, b) in Floats(tensor, row).Zip(Floats(made.GetTensor(tensor.Name), row)))
                    Assert.Equal(a, b, 1e-6f);
    }

    static float[] Floats(Tensor tensor, int row)
    {
        var values = new float[tensor.Columns];
        tensor.Dequantize(row, 1, values);
        return values;
    }

    // W · [norm(e), norm(h)] in doubles.
    static float[] Joined(ModelFile file, string own, int token, float[] known, double epsilon)
    {
        var both = Normed(Row("token_embd.weight", token), $"{own}nextn.enorm.weight")
            .Concat(Normed(known, $"{own}nextn.hnorm.weight")).ToArray();
        return [.. Enumerable.Range(0, known.Length)
            .Select(row => (float)Row($"{own}nextn.eh_proj.weight", row).Select((w, i) => w * both[i]).Sum())];

        float[] Row(string name, int row) => Floats(file.GetTensor(name), row);

        IEnumerable<double> Normed(float[] x, string name)
        {
            var (root, weight) = (Math.Sqrt(x.Average(v => (double)v * v) + epsilon), Row(name, 0));
            return x.Select((v, i) => v / root * weight[i]);
        }
    }

    static float[][] Rows(Model model, int[] text, int columns, Head? head = null)
    {
        using var cache = new KvCache(model, text.Length);
        using var forward = new Forward(model, cache, text.Length, text.Length, head: head);
        Run(forward, cache, text);
        return [.. Enumerable.Range(0, text.Length).Select(i => forward.Result(i)[..columns].ToArray())];
    }

    static void Run(Forward forward, KvCache cache, int[] text)
    {
        var (batch, sequence) = (new Batch(text.Length), new Sequence(cache, text.Length));
        Assert.True(sequence.TryReserve(text.Length));
        batch.Add(sequence, text, text.Length);
        forward.Run(batch);
    }
}
