namespace Banyan.Runtime.Models.Families;

/// <summary>
/// MiniMax-M2 (github.com/MiniMax-AI/MiniMax-M2): norms over all query and all key heads, a part of each head is rotated, experts chosen by
/// sigmoids with a bias.
/// </summary>
internal sealed class MiniMaxM2 : Family
{
    public override string Architecture => "minimax-m2";

    public override string Covers => "MiniMax-M2";

    public override HuggingFaceFamily HuggingFace => new("minimax_m2", "minimax")
    {
        Tensors = new Dictionary<string, string>
        {
            ["block_sparse_moe.gate"] = "ffn_gate_inp",
            ["block_sparse_moe.experts.#.w1"] = "ffn_gate_exps",
            ["block_sparse_moe.experts.#.w3"] = "ffn_up_exps",
            ["block_sparse_moe.experts.#.w2"] = "ffn_down_exps",
            ["block_sparse_moe.e_score_correction_bias"] = "exp_probs_b.bias",
        },
        Keys = """
            scoring_func = sigmoid
            use_qk_norm = true
            qk_norm_type = per_layer
            use_routing_bias = true
            use_mtp num_mtp_modules mtp_transformer_layers attn_type_list layernorm_full_attention_beta layernorm_linear_attention_beta
            layernorm_mlp_beta mlp_intermediate_size num_expert_groups shared_moe_mode
            """,
        Settings = """
            expert_count u num_local_experts
            rope.dimension_count u rotary_dim
            expert_feed_forward_length u intermediate_size
            """,
        Fits = config => config.String("model_type") == "minimax_m2" || config.Bool("use_qk_norm") == true,
        Read = from =>
        {
            from.Set("feed_forward_length", from.Need("intermediate_size"));
            from.Set("expert_gating_func", 2u);
        },
        Write = to =>
        {
            to.Set("intermediate_size", to.Number("feed_forward_length"));
            to.Set("scoring_func", "sigmoid");
            to.Set("use_qk_norm", true);
            to.Set("use_routing_bias", true);
        },
    };

    public override string Keys => """
        expert_gating_func = 2
        expert_weights_scale
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        Attention = common.Attention with { Norm = QueryKeyNorm.Row },
        Experts = reader.Experts(common.FeedForwardSize, normalize: true),
    };
}
