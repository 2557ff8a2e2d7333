using System.Text.Json;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.Tests.Models;

namespace Banyan.Runtime.Tests.Files.Safetensors;

/// <summary>A model written as transformers would write it says what the GGUF it came from says.</summary>
public class SameModelTests
{
    static readonly Dictionary<string, string> s_names = new()
    {
        ["attn_norm"] = "input_layernorm",
        ["ffn_norm"] = "post_attention_layernorm",
        ["attn_q"] = "self_attn.q_proj",
        ["attn_k"] = "self_attn.k_proj",
        ["attn_v"] = "self_attn.v_proj",
        ["attn_output"] = "self_attn.o_proj",
        ["attn_q_norm"] = "self_attn.q_norm",
        ["attn_k_norm"] = "self_attn.k_norm",
        ["ffn_gate"] = "mlp.gate_proj",
        ["ffn_up"] = "mlp.up_proj",
        ["ffn_down"] = "mlp.down_proj",
        ["ffn_gate_inp"] = "mlp.gate",
        ["post_attention_norm"] = "post_attention_layernorm",
        ["post_ffw_norm"] = "post_feedforward_layernorm",
    };

    [Theory]
    [InlineData("qwen2-tiny-F16")]
    [InlineData("qwen3-tiny-F16")]
    [InlineData("qwen3moe-tiny-F16")]
    [InlineData("llama-tiny-F16")]
    [InlineData("families/smollm3")]
    [InlineData("families/olmo2")]
    [InlineData("families/olmo3")]
    public void Safetensors_give_the_reference_logits(string name)
    {
        using var folder = new TemporaryFolder();
        using (var gguf = ModelFile.Open(Reference.Path(name)))
            WriteFolder(gguf, folder);
        using var model = Model.Load(folder.Path,
            new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        Assert.InRange(Reference.Differences(model, Reference.Load(name).Runs, 256).Max(), 0, 2e-3f);
    }

    static void WriteFolder(ModelFile gguf, TemporaryFolder folder)
    {
        var arch = gguf.Metadata.Get<string>("general.architecture");
        int Number(string key, int fallback = 0) => gguf.Metadata.Get($"{arch}.{key}", fallback);
        float Real(string key) => gguf.Metadata.Get<float>($"{arch}.{key}");
        var headSize = Number("attention.key_length", Number("embedding_length") / Number("attention.head_count"));
        var tokens = gguf.Metadata.Get<string[]>("tokenizer.ggml.tokens");
        var types = gguf.Metadata.Get<int[]>("tokenizer.ggml.token_type");
        var config = new Dictionary<string, object>
        {
            ["model_type"] = Family.Find(arch)!.HuggingFace.ModelTypes[^1],
            ["hidden_size"] = Number("embedding_length"),
            ["num_attention_heads"] = Number("attention.head_count"),
            ["num_key_value_heads"] = Number("attention.head_count_kv"),
            ["head_dim"] = headSize,
            ["num_hidden_layers"] = Number("block_count"),
            ["max_position_embeddings"] = Number("context_length"),
            ["intermediate_size"] = Number("feed_forward_length"),
            ["vocab_size"] = tokens.Length,
            ["rms_norm_eps"] = Real("attention.layer_norm_rms_epsilon"),
            ["rope_theta"] = Real("rope.freq_base"),
            ["sliding_window"] = Number("attention.sliding_window") is > 0 and var window ? window : null!,
            ["tie_word_embeddings"] = !gguf.TryGetTensor("output.weight", out _),
            ["eos_token_id"] = gguf.Metadata.Get<int>("tokenizer.ggml.eos_token_id"),
        };
        if (gguf.Metadata.TryGet<string>($"{arch}.rope.scaling.type", out var scaling))
            config["rope_scaling"] = new
            {
                rope_type = scaling,
                factor = Real("rope.scaling.factor"),
                original_max_position_embeddings = Number("rope.scaling.original_context_length"),
                attention_factor = 1 + 0.1 * Math.Log(Real("rope.scaling.factor")),
            };
        if (arch == "qwen3moe")
            foreach (var (theirs, ours) in ((string, string)[])[("num_experts", "expert_count"),
                ("num_experts_per_tok", "expert_used_count"), ("moe_intermediate_size", "expert_feed_forward_length")])
                config[theirs] = Number(ours);
        folder.File("config.json", JsonSerializer.Serialize(config));
        folder.File("vocab.json",
            JsonSerializer.Serialize(Enumerable.Range(0, tokens.Length).Where(i => types[i] == 1).ToDictionary(i => tokens[i], i => i)));
        folder.File("merges.txt", "#version: 0.2\n" + string.Join('\n', gguf.Metadata.Get<string[]>("tokenizer.ggml.merges")) + "\n");
        folder.File("tokenizer_config.json", JsonSerializer.Serialize(new
        {
            tokenizer_class = "Qwen2Tokenizer",
            added_tokens_decoder = Enumerable.Range(0, tokens.Length).Where(i => types[i] != 1)
            .ToDictionary(i => $"{i}", i => new { content = tokens[i], special = true }),
        }));

        var writer = new SafetensorsWriter().Set("format", "pt");
        foreach (var tensor in gguf.Tensors)
        {
            var parts = tensor.Name.Split('.');
            if (parts.Length == 2)
                Add(writer, tensor,
                    tensor.Name switch
                    {
                        "token_embd.weight" => "model.embed_tokens.weight",
                        "output.weight" => "lm_head.weight",
                        _ => "model.norm.weight"
                    });
            else if (parts[2].EndsWith("_exps", StringComparison.Ordinal))
                for (var expert = (int)tensor.Shape[0] - 1; expert >= 0; expert--)
                    Add(writer, tensor.Slice(expert), $"model.layers.{parts[1]}.mlp.experts.{expert}.{parts[2].Split('_')[1]}_proj.weight");
            else
                Add(writer, tensor, $"model.layers.{parts[1]}.{s_names[parts[2]]}.{parts[3]}",
                    Family.Find(arch)!.Pairs(ModelFileKind.Gguf) == RopePairs.Neighbours
                        && parts[2] is ("attn_q" or "attn_k") ? headSize : 0);
        }
        using var file = File.Create(Path.Combine(folder.Path, "model.safetensors"));
        writer.WriteTo(file);
    }

    /// <summary>Rows of a head in pairs (GGUF's llama) go back to halves where <paramref name="pairsOf"/> is the head's size.</summary>
    static void Add(SafetensorsWriter writer, Tensor tensor, string name, int pairsOf = 0) =>
        writer.Add(name, tensor.Format.Name, tensor.Shape, stream =>
    {
        for (var row = 0L; row < tensor.Rows; row++)
            stream.Write(tensor.Row(pairsOf == 0 ? row : row - row % pairsOf + row % (pairsOf / 2) * 2 + row % pairsOf / (pairsOf / 2)));
    });
}
