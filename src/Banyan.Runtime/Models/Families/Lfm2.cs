using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// LFM2 (arXiv 2511.23404): short convolutions, with attention in some layers. Which ones the file says by their KV heads: none is a
/// convolution.
/// </summary>
internal sealed class Lfm2 : Family
{
    public override string Architecture => "lfm2";

    public override string Covers => "LFM2, LFM2.5 dense";

    internal static readonly IReadOnlyDictionary<string, string> HuggingFaceTensors = new Dictionary<string, string>
    {
        ["model.embedding_norm.weight"] = "token_embd_norm.weight",
        ["operator_norm"] = "attn_norm",
        ["ffn_norm"] = "ffn_norm",
        ["conv.conv"] = "shortconv.conv",
        ["conv.in_proj"] = "shortconv.in_proj",
        ["conv.out_proj"] = "shortconv.out_proj",
        ["self_attn.out_proj"] = "attn_output",
        ["self_attn.q_layernorm"] = "attn_q_norm",
        ["self_attn.k_layernorm"] = "attn_k_norm",
        ["feed_forward.w1"] = "ffn_gate",
        ["feed_forward.w3"] = "ffn_up",
        ["feed_forward.w2"] = "ffn_down",
        ["feed_forward.gate"] = "ffn_gate_inp",
        ["feed_forward.experts.#.w1"] = "ffn_gate_exps",
        ["feed_forward.experts.#.w3"] = "ffn_up_exps",
        ["feed_forward.experts.#.w2"] = "ffn_down_exps",
        ["feed_forward.expert_bias"] = "exp_probs_b.bias",
    };

    internal const string HuggingFaceKeys = """
        layer_types = conv full_attention
        conv_bias = false
        block_use_swiglu = true
        use_pos_enc = true
        block_auto_adjust_ff_dim block_ff_dim block_ffn_dim_multiplier block_multiple_of block_dim block_mlp_init_scale block_norm_eps
        block_out_init_scale block_use_xavier_init conv_dim conv_dim_out conv_use_xavier_init full_attn_idxs num_heads theta use_expert_bias norm_eps
        """;

    public override HuggingFaceFamily HuggingFace => new("lfm2")
    {
        Tensors = HuggingFaceTensors,
        Keys = HuggingFaceKeys,
        Settings = """
            shortconv.l_cache u conv_L_cache
            attention.layer_norm_rms_epsilon f norm_eps
            """,
        Defaults = """{"tie_word_embeddings":true,"rope_theta":1000000.0,"norm_eps":1e-05,"block_multiple_of":256}""",
        Forms = [TensorForm.Convolution("shortconv.conv.weight")],
        Read = from =>
        {
            ReadLayers(from);
            double width = from.Need("block_ff_dim", "intermediate_size");
            if (from.Config.Bool("block_auto_adjust_ff_dim") != true)
                width = from.Need("intermediate_size", "block_ff_dim");
            else
            {
                width = Math.Floor(2 * width / 3);
                width = Math.Floor(width * (from.Config.Float("block_ffn_dim_multiplier") ?? 1));
                var multiple = Math.Max(1, from.Need("block_multiple_of"));
                width = multiple * Math.Ceiling(width / multiple);
            }
            from.Set("feed_forward_length", (uint)width);
        },
        Write = to =>
        {
            WriteLayers(to);
            to.Set("block_auto_adjust_ff_dim", false);
        },
    };

    internal static void ReadLayers(HuggingFaceReading from)
    {
        if (from.LayerTypes is null)
            throw from.Refuse("it has no 'layer_types'; get the model's own config.json");
        from.KvHeads(type => type != "conv");
    }

    internal static void WriteLayers(HuggingFaceWriting to)
    {
        var kv = to.Numbers("attention.head_count_kv");
        to.LayerTypes(i => kv[i] > 0 ? "full_attention" : "conv");
        to.Set("num_key_value_heads", kv.Max());
        to.Set("conv_bias", false);
    }

    public override string Keys => "shortconv.l_cache";

    // The name it has in GGUF, where it is the norm behind the last layer.
    public override string OutputNorm => "token_embd_norm";

    public override Config Refine(ConfigReader reader, Config common) =>
        common with { Attention = common.Attention with { Norm = QueryKeyNorm.Head } };

    public override Layer Layer(LayerLoader at) => Mixed(at);

    internal static Layer Mixed(LayerLoader at) => new(
        new Residual(Mixer(at), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static Block Mixer(LayerLoader at) => at.Keys.Ints("attention.head_count_kv", 0, 1 << 14)[at.Index] is > 0 and var kvHeads
        ? at.Attention(at.Config.Attention with { KvHeads = kvHeads })
        : new ShortConvolution(at, at.Keys.Int("shortconv.l_cache", 2, 64));
}
