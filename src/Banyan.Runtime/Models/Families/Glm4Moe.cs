using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// GLM-4.5 (arXiv 2508.06471): a part of each head is rotated; experts after the first layers, chosen by sigmoids with a bias, and one that
/// is every row's. The layers after the last are for multi-token prediction.
/// </summary>
internal sealed class Glm4Moe : Family
{
    public override string Architecture => "glm4moe";

    public override string Covers => "GLM-4.5, 4.6 and 4.7";

    /// <summary>Multi-token prediction layers lie after the others: they are not computed.</summary>
    internal static readonly TensorForm WithoutGuesses =
        TensorForm.Dropped((set, name) => TensorSet.LayerOf(name) >= set.Number("block_count") - set.Number("nextn_predict_layers"));

    public override HuggingFaceFamily HuggingFace => new("glm4_moe")
    {
        Tensors = new Dictionary<string, string>
        {
            ["post_attention_layernorm"] = "post_attention_norm",
            ["mlp.shared_experts.gate_proj"] = "ffn_gate_shexp",
            ["mlp.shared_experts.up_proj"] = "ffn_up_shexp",
            ["mlp.shared_experts.down_proj"] = "ffn_down_shexp",
            ["mlp.gate.e_score_correction_bias"] = "exp_probs_b.bias",
        },
        Forms = [WithoutGuesses],
        Keys = """
            partial_rotary_factor
            rope_scaling.partial_rotary_factor
            num_nextn_predict_layers use_qk_norm
            """,
        Settings = """
            expert_count u n_routed_experts
            expert_shared_count u n_shared_experts
            expert_weights_scale f routed_scaling_factor
            leading_dense_block_count u first_k_dense_replace
            expert_group_count u n_group
            expert_group_used_count u topk_group
            """,
        Defaults = """{"partial_rotary_factor":0.5}""",
        Read = from => from.Set("expert_gating_func", 2u),
        Write = to =>
        {
            to.Set("num_hidden_layers", to.Layers - to.Number("nextn_predict_layers"));
            to.Set("partial_rotary_factor", to.Number("rope.dimension_count") / (double)to.Number("attention.key_length"));
            to.Set("use_qk_norm", to.Tensors.Has("blk.0.attn_q_norm.weight"));
            to.Set("attention_bias", to.Tensors.Has("blk.0.attn_q.bias"));
        },
    };

    public override string Keys => """
        expert_gating_func = 2
        expert_weights_scale nextn_predict_layers leading_dense_block_count expert_shared_count expert_shared_feed_forward_length
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        Layers = common.Layers - reader.Int("nextn_predict_layers", 0, common.Layers - 1, 0),
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true),
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("post_attention_norm")));

    // The larger of them norm queries and keys.
    static AttentionShape Shape(LayerLoader at) =>
        at.Config.Attention with { Norm = at.Has("attn_q_norm.weight") ? QueryKeyNorm.Head : QueryKeyNorm.None };
}
