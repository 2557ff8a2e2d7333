using System.Text.Json.Nodes;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen3.5 (and 3.6, 3.8), the text part: three of four layers are gated delta nets (arXiv 2412.06464), the fourth is attention with a
/// gate, and so is the multi-token prediction layer.
/// </summary>
internal class Qwen35 : Family
{
    public override string Architecture => "qwen35";

    public override string Covers => "Qwen3.5, 3.6 and 3.8 dense, text";

    internal static readonly IReadOnlyDictionary<string, string> LinearAttention = new Dictionary<string, string>(PredictionNames.Own)
    {
        ["post_attention_layernorm"] = "post_attention_norm",
        ["linear_attn.in_proj_qkv"] = "attn_qkv",
        ["linear_attn.in_proj_z"] = "attn_gate",
        ["linear_attn.in_proj_a"] = "ssm_alpha",
        ["linear_attn.in_proj_b"] = "ssm_beta",
        ["linear_attn.in_proj_qkvz"] = "ssm_in",
        ["linear_attn.in_proj_ba"] = "ssm_ba",
        ["linear_attn.conv1d"] = "ssm_conv1d",
        ["linear_attn.A_log"] = "ssm_a",
        ["linear_attn.dt_bias"] = "ssm_dt.bias",
        ["linear_attn.norm"] = "ssm_norm",
        ["linear_attn.out_proj"] = "ssm_out",
    };

    internal const string HuggingFaceKeys = """
        partial_rotary_factor
        rope_scaling.partial_rotary_factor
        rope_scaling.mrope_section
        rope_scaling.mrope_interleaved = true
        layer_types = linear_attention full_attention
        attn_output_gate = true
        full_attention_interval mamba_ssm_dtype mtp_num_hidden_layers mtp_use_dedicated_embeddings linear_value_head_dim
        output_gate_type = swish silu
        """;

    internal const string HuggingFaceSettings = """
        ssm.conv_kernel u linear_conv_kernel_dim
        ssm.state_size u linear_key_head_dim
        ssm.group_count u linear_num_key_heads
        ssm.time_step_rank u linear_num_value_heads
        expert_shared_feed_forward_length u shared_expert_intermediate_size
        """;

    internal static readonly TensorForm[] CommonForms =
    [
        TensorForm.PlusOne(["norm.weight"], "ssm_norm.weight"),
        TensorForm.NegatedExponential("ssm_a"),
        TensorForm.Convolution("ssm_conv1d.weight"),
    ];

    // Value heads lie by the key head that they share in safetensors, and by turns in GGUF.
    internal static readonly TensorForm[] TiledForms =
    [
        .. CommonForms,
        .. new[] { ("attn_qkv.weight", true, true), ("attn_gate.weight", true, false), ("ssm_conv1d.weight", true, true),
            ("ssm_alpha.weight", false, false),
            ("ssm_beta.weight", false, false), ("ssm_a", false, false),
            ("ssm_dt.bias", false, false) }.Select(row => TensorForm.Rows(row.Item1,
            set => HeadOrder(set, row.Item2, row.Item3, toGguf: true), set => HeadOrder(set, row.Item2, row.Item3, toGguf: false))),
        TensorForm.Columns("ssm_out.weight", set => HeadOrder(set, true, false, toGguf: true),
            set => HeadOrder(set, true, false, toGguf: false)),
    ];

    static Func<long, long> HeadOrder(TensorSet set, bool wholeHeads, bool behindKeys, bool toGguf)
    {
        var (keyHeads, valueHeads, state) = (Math.Max(1, set.Number("ssm.group_count")), Math.Max(1, set.Number("ssm.time_step_rank")),
            set.Number("ssm.state_size"));
        var (size, skipped, shared) = (wholeHeads ? Math.Max(1, set.Number("ssm.inner_size") / valueHeads) : 1,
            behindKeys ? 2 * keyHeads * state : 0, Math.Max(1, valueHeads / keyHeads));
        return row =>
        {
            if (row < skipped)
                return row;
            var (head, at) = ((row - skipped) / size, (row - skipped) % size);
            // In GGUF head h has key head h mod keys; in safetensors h ÷ shared.
            var other = toGguf ? head % keyHeads * shared + head / keyHeads : head % shared * keyHeads + head / shared;
            return skipped + other * size + at;
        };
    }

    public override HuggingFaceFamily HuggingFace => new("qwen3_5", "qwen3_5_text")
    {
        Tensors = LinearAttention,
        Forms = TiledForms,
        Keys = HuggingFaceKeys,
        Settings = HuggingFaceSettings,
        Read = ReadHuggingFace,
        Write = to => WriteHuggingFace(to, "qwen3_5_text"),
        HasPrediction = true,
    };

    internal static void ReadHuggingFace(HuggingFaceReading from)
    {
        from.Set("ssm.inner_size", from.Need("linear_value_head_dim") * from.Need("linear_num_value_heads"));
        if (from.LayerTypes is { } types)
            from.Set("attention.recurrent_layers", types.Select(t => t == "linear_attention").ToArray());
        from.Set("full_attention_interval", from.Config.Count("full_attention_interval") ?? 4);
        if (from.Config.Float("partial_rotary_factor") is null && from.Rope()?.Float("partial_rotary_factor") is null)
            from.Set("rope.dimension_count", (from.Config.Count("head_dim") ?? 256) / 4);
        if (!from.Has("feed_forward_length"))
            from.Set("feed_forward_length", from.Need("intermediate_size", "moe_intermediate_size"));
        var sections = from.Rope()?.Counts("mrope_section") ?? [];
        from.Set("rope.dimension_sections",
            (int[])[.. (sections.Length > 0 ? sections : [11, 11, 10]).Concat(Enumerable.Repeat(0u, 4)).Take(4).Select(n => (int)n)]);
    }

    internal static void WriteHuggingFace(HuggingFaceWriting to, string type)
    {
        to.Set("model_type", type);
        var layers = to.Layers - to.Number("nextn_predict_layers");
        to.Set("num_hidden_layers", layers);
        if (to.Number("nextn_predict_layers") is > 0 and var ahead)
            to.Set("mtp_num_hidden_layers", ahead);
        to.Set("linear_value_head_dim", to.Number("ssm.inner_size") / to.Number("ssm.time_step_rank"));
        var every = to.Number("full_attention_interval", 4);
        var recurrent = to.Flags("attention.recurrent_layers");
        to.Set("layer_types",
            new JsonArray(
                [.. Enumerable.Range(0, (int)layers)
                    .Select(i =>
                        (JsonNode)((recurrent is null ? (i + 1) % every != 0 : recurrent[i]) ? "linear_attention" : "full_attention"))]));
        to.Set("partial_rotary_factor", to.Number("rope.dimension_count") / (double)to.Number("attention.key_length"));
        to.Set("full_attention_interval", every);
        to.Set("attn_output_gate", true);
        if (!to.Has("rope.dimension_sections"))
            return;
        to.Rope["rope_type"] = "default";
        to.Rope["mrope_interleaved"] = true;
        to.Rope["mrope_section"] = new JsonArray([.. to.Numbers("rope.dimension_sections").Take(3).Select(n => (JsonNode)n)]);
    }

    public override string Keys =>
        $"{Mamba2Shape.Keys} full_attention_interval attention.recurrent_layers rope.dimension_sections nextn_predict_layers";

    /// <summary>Whether value heads lie by key heads that they share, one after the other; else neighbours share one.</summary>
    protected virtual bool Tiled => true;

    public override Config Refine(ConfigReader reader, Config common) => Mixed(reader, common);

    /// <summary>What all of them have in common.</summary>
    protected static Config Mixed(ConfigReader reader, Config common) => common with
    {
        Layers = common.Layers - reader.Int("nextn_predict_layers", 0, common.Layers - 1, 0),
        Attention = common.Attention with { Norm = QueryKeyNorm.Head, Gate = AttentionGate.InQuery },
    };

    // Some files have a multi-token prediction layer without a feed-forward.
    public override Layer Layer(LayerLoader at)
    {
        var mixer = new Residual(Mixer(at), before: at.Norm("attn_norm"));
        return at.IsPrediction && !at.Has("ffn_down.weight") && !at.Has("ffn_gate_inp.weight")
            ? new(mixer)
            : new(mixer, new Residual(at.FeedForward(), before: at.Norm("post_attention_norm")));
    }

    Block Mixer(LayerLoader at)
    {
        if (!IsRecurrent(at))
            return at.Attention();
        var keys = at.Keys;
        var (inner, heads, groups, size) = (keys.Int("ssm.inner_size", 1, 1 << 20), keys.Int("ssm.time_step_rank", 1, 1 << 14),
            keys.Int("ssm.group_count", 1, 1 << 14),
            keys.Int("ssm.state_size", 1, 1 << 12));
        if (inner != heads * size || heads % groups != 0)
            throw keys.Refuse($"{heads} value heads of {size} on {groups} key heads do not make a width of {inner}");
        return new GatedDeltaNet(at, new DeltaNetShape(groups, heads, size, keys.Int("ssm.conv_kernel", 2, 64), Tiled));
    }

    static bool IsRecurrent(LayerLoader at) => !at.IsPrediction && (at.Keys.Has("attention.recurrent_layers")
        ? at.Keys.Flags("attention.recurrent_layers")[at.Index]
        : (at.Index + 1) % at.Keys.Int("full_attention_interval", 1, 1 << 12, 4) != 0);
}
