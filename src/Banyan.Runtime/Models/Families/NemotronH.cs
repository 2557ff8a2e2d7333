using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Nemotron-H (arXiv 2504.03624): each layer is one block: Mamba 2, attention without positions where it has KV heads, a feed-forward with
/// squared ReLU where it has a width.
/// </summary>
internal class NemotronH : Family
{
    public override string Architecture => "nemotron_h";

    public override string Covers => "Nemotron-H, Nemotron Nano v2";

    internal static readonly IReadOnlyDictionary<string, string> HuggingFaceTensors = new Dictionary<string, string>
    {
        ["backbone.embeddings.weight"] = "token_embd.weight",
        ["backbone.norm_f.weight"] = "output_norm.weight",
        ["norm"] = "attn_norm",
        ["mixer.in_proj"] = "ssm_in",
        ["mixer.conv1d"] = "ssm_conv1d",
        ["mixer.dt_bias"] = "ssm_dt.bias",
        ["mixer.A_log"] = "ssm_a",
        ["mixer.D"] = "ssm_d",
        ["mixer.norm"] = "ssm_norm",
        ["mixer.out_proj"] = "ssm_out",
        ["mixer.q_proj"] = "attn_q",
        ["mixer.k_proj"] = "attn_k",
        ["mixer.v_proj"] = "attn_v",
        ["mixer.o_proj"] = "attn_output",
        ["mixer.up_proj"] = "ffn_up",
        ["mixer.down_proj"] = "ffn_down",
        ["mixer.gate"] = "ffn_gate_inp",
        ["mixer.gate.e_score_correction_bias"] = "exp_probs_b.bias",
        ["mixer.experts.#.up_proj"] = "ffn_up_exps",
        ["mixer.experts.#.down_proj"] = "ffn_down_exps",
        ["mixer.shared_experts.up_proj"] = "ffn_up_shexp",
        ["mixer.shared_experts.down_proj"] = "ffn_down_shexp",
        ["mixer.fc1_latent_proj"] = "ffn_latent_down",
        ["mixer.fc2_latent_proj"] = "ffn_latent_up",
    };

    internal const string HuggingFaceKeys = """
        mlp_hidden_act = relu2
        mamba_hidden_act = silu
        use_conv_bias = true
        use_mamba_kernels = true false
        mamba_proj_bias = false
        residual_in_fp32 = false
        norm_eps layer_norm_epsilon
        hybrid_override_pattern layers_block_type expand chunk_size time_step_min time_step_max time_step_limit time_step_floor time_step_rank
        rescale_prenorm_residual num_logits_to_keep mamba_ssm_cache_dtype sliding_window mamba_num_heads mamba_head_dim attention_head_dim
        moe_shared_expert_intermediate_size num_nextn_predict_layers mtp_hybrid_override_pattern moe_shared_expert_overlap
        n_group = 1
        topk_group = 1
        rope_theta partial_rotary_factor
        """;

    internal const string HuggingFaceSettings = """
        ssm.conv_kernel u conv_kernel
        ssm.state_size u ssm_state_size
        ssm.time_step_rank u mamba_num_heads
        ssm.group_count u n_groups
        attention.key_length u head_dim|attention_head_dim
        expert_count u n_routed_experts
        expert_shared_count u n_shared_experts
        expert_shared_feed_forward_length u moe_shared_expert_intermediate_size
        expert_weights_scale f routed_scaling_factor
        moe_latent_size u moe_latent_size
        """;

    public override HuggingFaceFamily HuggingFace => new("nemotron_h")
    {
        Layers = "backbone.layers.",
        Tensors = HuggingFaceTensors,
        Forms = Mamba2Shape.HuggingFaceForms,
        Keys = HuggingFaceKeys,
        Settings = HuggingFaceSettings,
        Fits = config => !config.Has("num_experts_per_tok"),
        Read = from => ReadHuggingFace(from, "intermediate_size"),
        Write = to => WriteHuggingFace(to, "intermediate_size"),
    };

    // M: Mamba 2, *: attention, -: a feed-forward, E: experts.
    internal static void ReadHuggingFace(HuggingFaceReading from, string width)
    {
        var pattern = from.Config.String("hybrid_override_pattern")
            ?? string.Concat(from.Config.Names("layers_block_type").Select(t => t switch
        {
            "mamba" or "linear_attention" => "M",
            "attention" or "full_attention" => "*",
            "moe" => "E",
            _ => "-",
        }));
        if (pattern.Length != from.Layers || pattern.AsSpan().ContainsAnyExcept("M*-E"))
            throw from.Refuse($"'hybrid_override_pattern' is '{pattern}': {from.Layers} letters of M, *, - and E are needed");
        var kv = (int)(from.Config.Count("num_key_value_heads") ?? from.Need("num_attention_heads"));
        var widths = from.Config.Counts(width);
        if (widths.Length != 1 && widths.Length != from.Layers)
            throw from.Refuse($"'{width}' has {widths.Length} values: one, or one a layer ({from.Layers}), is needed");
        from.Set("attention.head_count_kv", pattern.Select(c => c == '*' ? kv : 0).ToArray());
        from.Set("feed_forward_length", pattern.Select((c, i) => c is '-' or 'E' ? (int)widths[widths.Length > 1 ? i : 0] : 0).ToArray());
        from.Set("ssm.inner_size", from.Need("mamba_num_heads") * from.Need("mamba_head_dim"));
        from.Set("attention.layer_norm_epsilon", from.Config.Float("layer_norm_epsilon") ?? from.Config.Float("norm_eps") ?? 1e-5f);
        from.Set("attention.layer_norm_rms_epsilon", from.Config.Float("layer_norm_epsilon") ?? from.Config.Float("norm_eps") ?? 1e-5f);
        from.Remove("rope.dimension_count");
    }

    internal static void WriteHuggingFace(HuggingFaceWriting to, string width)
    {
        var (kv, wide) = (to.Numbers("attention.head_count_kv"), to.Numbers("feed_forward_length"));
        to.Set("hybrid_override_pattern",
            string.Concat(kv.Select((n, i) => n > 0 ? "*" : wide[i] > 0 ? width == "intermediate_size" ? "-" : "E" : "M")));
        to.Set("num_key_value_heads", kv.Max());
        to.Set("intermediate_size", wide.Max());
        // One width for all, or one a layer.
        to.Set(width, wide.Where(w => w > 0).Distinct().Count() > 1 ? to.Array(wide) : wide.Max());
        to.Set("mamba_head_dim", to.Number("ssm.inner_size") / to.Number("ssm.time_step_rank"));
        to.Set("mlp_hidden_act", "relu2");
        to.Set("mamba_hidden_act", "silu");
        to.Set("use_conv_bias", true);
        to.Set("layer_norm_epsilon", to.Float("attention.layer_norm_rms_epsilon"));
        to.Set("attention_head_dim", to.Number("attention.key_length"));
    }

    // The other epsilon is of the layers that guess ahead.
    public override string Keys => $"{Mamba2Shape.Keys} attention.layer_norm_epsilon";

    public override Config Refine(ConfigReader reader, Config common) => common with { Attention = common.Attention with { Rope = null } };

    public override Layer Layer(LayerLoader at) => new(new Residual(Block(at), before: at.Norm("attn_norm")));

    Block Block(LayerLoader at)
    {
        var kvHeads = at.Keys.Ints("attention.head_count_kv", 0, 1 << 14)[at.Index];
        var feedForward = at.Keys.Ints("feed_forward_length", 0, 1 << 22)[at.Index];
        return (kvHeads, feedForward) switch
        {
            (0, 0) => new Mamba2(at, Mamba2Shape.Read(at.Keys)),
            (_, 0) => at.Attention(at.Config.Attention with { KvHeads = kvHeads }),
            (0, _) => FeedForward(at, feedForward),
            _ => throw at.Keys.Refuse($"layer {at.Index} has both KV heads and a feed-forward: one block a layer is needed"),
        };
    }

    /// <summary>A layer's feed-forward.</summary>
    protected virtual Block FeedForward(LayerLoader at, int width) => new PlainFeedForward(at, width, PlainActivation.SquaredRelu);
}
