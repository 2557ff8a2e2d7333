using Banyan.Runtime.Embeddings;
using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Synthesis;
using Banyan.Runtime.Tests.Files;
using Banyan.Runtime.Tests.Generation;
using Banyan.Runtime.WeightFormats;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Synthesis;

public class SynthesizerTests
{
    static ModelShape Shape(string name) => Synthesizer.Shapes.First(s => s.Name == name);

    static byte[] Make(string shape, string type, ulong seed = 1)
    {
        var stream = new MemoryStream();
        Synthesizer.Create(Shape(shape), type, seed: seed).WriteTo(stream);
        return stream.ToArray();
    }

    // As the model pages give them.
    [Theory]
    [InlineData("qwen2.5-coder-0.5b", 494_032_768)]
    [InlineData("qwen2.5-coder-1.5b", 1_543_714_304)]
    [InlineData("qwen2.5-coder-3b", 3_085_938_688)]
    [InlineData("qwen2.5-coder-7b", 7_615_616_512)]
    [InlineData("qwen2.5-coder-14b", 14_770_033_664)]
    [InlineData("qwen2.5-coder-32b", 32_763_876_352)]
    [InlineData("qwen3-0.6b", 596_049_920)]
    [InlineData("qwen3-4b", 4_022_468_096)]
    [InlineData("qwen3-8b", 8_190_735_360)]
    [InlineData("qwen3-30b-a3b", 30_532_122_624)]
    [InlineData("llama-3.1-8b", 8_030_261_248 + 64)] // rope_freqs
    [InlineData("llama-3.2-1b", 1_235_814_400 + 32)]
    [InlineData("llama-3-70b", 70_553_706_496)]
    [InlineData("gemma-3-4b", 3_880_099_328)]
    [InlineData("gpt-oss-20b", 20_914_757_184)]
    [InlineData("lfm2-1.2b", 1_170_340_608)]
    [InlineData("lfm2-8b-a1b", 8_339_929_856 + 22 * 32)] // what its routers choose by
    [InlineData("granite-4-h-tiny", 6_939_037_248)]
    [InlineData("phi-4-mini", 3_836_021_760 + 2 * 48)] // rope_factors
    [InlineData("deepseek-v2-lite", 15_706_484_224)]
    [InlineData("all-minilm-l6-v2", 22_713_216 - 384 * 385)] // without the pooler, which nothing uses
    public void Shapes_have_the_published_number_of_parameters(string shape, long parameters) =>
        Assert.Equal(parameters, Shape(shape).Parameters);

    // Published GGUF files of these models are 531, 1,647 and 986 to 987 million bytes.
    [Theory]
    [InlineData("qwen2.5-coder-0.5b", "Q8_0", 531)]
    [InlineData("qwen2.5-coder-1.5b", "Q8_0", 1647)]
    [InlineData("qwen2.5-coder-1.5b", "Q4_K_M", 986)]
    public void Mixes_give_the_published_sizes(string shape, string type, int megabytes) =>
        Assert.Equal(megabytes,
            (int)Math.Round(Synthesizer.Create(Shape(shape), type, SharedData.Path("tokenizers", "qwen2.5")).ByteLength / 1e6));

    // A layer of each kind. Those of more than 100 MB with all proofs.
    public static TheoryData<string, string, string> Cuts =>
    [
        ("all-minilm-l6-v2-1-layers", "Q8_0", "bert"), ("lfm2-1.2b-3-layers", "Q4_0", "lfm2"),
        ("granite-4-h-tiny-6-layers", "Q4_K_M", "granitehybrid"),
        ("lfm2-8b-a1b-3-layers", "Q4_0", "lfm2moe"), ("gpt-oss-20b-2-layers", "MXFP4_MOE", "gpt-oss"),
        ("deepseek-v2-lite-2-layers", "Q4_K_M", "deepseek2"),
        ("gemma-3-4b-6-layers", "Q4_K_M", "gemma3"), ("gemma-4-e4b", "Q4_0", "gemma4"), ("qwen3.5-4b-4-layers", "Q3_K_M", "qwen35"),
        ("qwen3.6-35b-a3b-4-layers", "IQ4_XS", "qwen35moe"), ("phi-4-mini-2-layers", "Q2_K", "phi3"),
        ("ministral-3-8b-2-layers", "Q4_K_M", "mistral3"),
    ];

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task The_first_layers_of_a_shape_are_a_model_that_computes(string name, string type, string architecture)
    {
        var shape = Synthesizer.Find(name)!;
        var writer = Synthesizer.Create(shape, type);
        if (writer.ByteLength > 100_000_000 && !Sampled.All)
            Assert.Skip($"{writer.ByteLength >> 20} MiB: ./check --all");
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "model.gguf");
        using (var file = File.Create(path))
            writer.WriteTo(file);
        using var model = Model.Load(path, new ModelOptions { Threads = 2 });
        Assert.Equal((architecture, shape.Layers, shape.Vocabulary),
            (model.Config.Architecture, model.Config.Layers, model.Config.VocabularySize));
        if (architecture == "bert")
        {
            using var embedder = new Embedder(model);
            Assert.All(embedder.Embed([[2, 10, 20, 30, 3]], normalize: false)[0], x => Assert.True(float.IsFinite(x)));
            return;
        }
        await using var engine = new Engine(model);
        var (tokens, logProbs, _) = await Answers.Generate(engine, [10, 20, 30],
            new() { MaxTokens = 3, Temperature = 0, IgnoreEndOfText = true });
        Assert.Equal(3, tokens.Length);
        Assert.All(logProbs, p => Assert.InRange(p, -20, 0));
    }

    [Theory]
    [InlineData("gpt-oss-20b-24-layers")]
    [InlineData("gpt-oss-20b-0-layers")]
    [InlineData("gpt-oss-20b--1-layers")]
    [InlineData("-3-layers")]
    [InlineData("gpt-oss")]
    public void Other_names_are_of_no_shape(string name) => Assert.Null(Synthesizer.Find(name));

    public static TheoryData<string> Types => [.. Synthesizer.Types];

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_type_gives_a_model_whose_weights_are_sane(string type)
    {
        using var folder = new TemporaryFolder();
        foreach (var shape in (string[])["tiny-qwen2", "tiny-qwen3moe"])
        {
            using var model = ModelFile.Open(folder.File($"{shape}.gguf", Make(shape, type)));
            foreach (var tensor in model.Tensors)
            {
                var weights = new float[tensor.Rows * tensor.Columns];
                tensor.Dequantize(0, (int)tensor.Rows, weights);
                Assert.True(weights.All(float.IsFinite));
                if (tensor.Shape.Count > 1)
                    // 1 is right; with two levels it is that of their mean
                    Assert.InRange(Math.Sqrt(weights.Average(w => (double)w * w)) * Math.Sqrt(tensor.Columns), 0.75, 1.15);
                if (tensor.Format == WeightFormat.Q8_0)
                    for (var row = 0L; row < tensor.Rows; row++)
                        for (var block = 0; block < tensor.Columns / 32; block++)
                            Assert.DoesNotContain((byte)0x80, tensor.Row(row).Slice(34 * block + 2, 32).ToArray());
            }
        }
    }

    [Fact]
    public void Q4_K_M_gives_the_layers_llama_cpp_gives_more_bits()
    {
        static string Formats(string shape, string type, string name) =>
            string.Concat(ShapeTensors.Of(Shape(shape)).Where(t => t.Name == name || t.Name.EndsWith("." + name, StringComparison.Ordinal))
            .Select(t => TypeMix.TryGet(type, out var mix)
                ? mix.FormatOf(t.Name, t.Shape, new(Shape(shape).Layers, Shape(shape).Embedding, Shape(shape).Tied)).Name[1] : '?'));
        // 28 layers: 0–2, 24.., and every third from 5.
        Assert.Equal("6664464464464464464464466666"[..28], Formats("qwen2.5-coder-1.5b", "Q4_K_M", "attn_v.weight"));
        Assert.Equal(Formats("qwen2.5-coder-1.5b", "Q4_K_M", "attn_v.weight"), Formats("qwen2.5-coder-1.5b", "Q4_K_M", "ffn_down.weight"));
        Assert.Equal("6", Formats("qwen2.5-coder-1.5b", "Q4_K_M", "token_embd.weight"));
        Assert.Equal("4", Formats("qwen2.5-coder-7b", "Q4_K_M", "token_embd.weight"));
        Assert.Equal("6", Formats("qwen2.5-coder-7b", "Q4_0", "output.weight"));
        Assert.Equal("8", Formats("qwen2.5-coder-0.5b", "Q4_K_M", "token_embd.weight"));
        Assert.Equal(new string('5', 24), Formats("qwen2.5-coder-0.5b", "Q4_K_M", "attn_q.weight")); // 896 is no multiple of 256
        Assert.DoesNotContain('4', Formats("llama-3-70b", "Q4_K_M", "attn_v.weight"));
    }

    [Fact]
    public void The_tiny_Q4_K_M_has_the_formats_of_one_that_llama_cpp_made()
    {
        using var folder = new TemporaryFolder();
        using var ours = ModelFile.Open(folder.File("m.gguf", Make("tiny-qwen2", "Q4_K_M")));
        using var theirs = ModelFile.Open(SharedData.Path("models", "qwen2-tiny-Q4_K_M.gguf"));
        Assert.Equal(theirs.Tensors.Select(t => t.ToString()).Order(), ours.Tensors.Select(t => t.ToString()).Order());
    }

    [Fact]
    public void The_seed_decides_every_byte()
    {
        Assert.Equal(Make("tiny-qwen2", "Q4_K_M"), Make("tiny-qwen2", "Q4_K_M"));
        Assert.NotEqual(Make("tiny-qwen2", "Q4_K_M"), Make("tiny-qwen2", "Q4_K_M", seed: 2));
    }

    [Theory]
    [InlineData("qwen2.5-coder-0.5b")]
    [InlineData("llama-3.2-1b")]
    [InlineData("tiny-qwen2")]
    public void A_made_up_vocabulary_is_distinct_and_its_merges_join_tokens(string name)
    {
        var writer = new Banyan.Runtime.Files.Gguf.GgufWriter();
        VocabularyMetadata.Write(writer, Shape(name), null);
        using var folder = new TemporaryFolder();
        var stream = new MemoryStream();
        writer.WriteTo(stream);
        using var model = ModelFile.Open(folder.File("v.gguf", stream.ToArray()));
        var tokens = model.Metadata.Get<string[]>("tokenizer.ggml.tokens");
        var known = tokens.ToHashSet();
        Assert.Equal(Shape(name).Vocabulary, known.Count);
        foreach (var merge in model.Metadata.Get<string[]>("tokenizer.ggml.merges"))
        {
            var parts = merge.Split(' ');
            if (!(parts.Length == 2 && known.Contains(parts[0]) && known.Contains(parts[1]) && known.Contains(parts[0] + parts[1])))
                Assert.Fail(merge);
        }
        Assert.Equal(name.StartsWith("llama") ? "<|eot_id|>" : "<|im_end|>",
            tokens[model.Metadata.Get<int>("tokenizer.ggml.eos_token_id")]);
    }

    [Fact]
    public void Llama_3_scales_its_frequencies_as_its_reference_does()
    {
        var divisors = ShapeMetadata.RopeDivisors(Shape("llama-3.1-8b"));
        Assert.Equal(64, divisors.Length);
        Assert.Equal(1, divisors[0]);
        Assert.Equal(8, divisors[63]);
        Assert.Equal(divisors.Order(), divisors);
        Assert.InRange(divisors.Count(d => d is > 1 and < 8), 4, 8); // waves of 2,048 to 8,192 tokens
    }

    [Fact]
    public void Unknown_types_and_unfit_vocabularies_are_refused()
    {
        Assert.Contains("Q4_K_M", Assert.Throws<ArgumentException>(() => Synthesizer.Create(Shape("tiny-qwen2"), "Q9")).Message);
        Assert.Throws<ModelFileException>(() => Synthesizer.Create(Shape("tiny-qwen2"), "Q8_0", SharedData.Path("tokenizers")));
        Assert.Contains("2048",
            Assert.Throws<ModelFileException>(() =>
                Synthesizer.Create(Shape("tiny-qwen2"), "Q8_0", SharedData.Path("tokenizers", "qwen2.5"))).Message);
    }
}
