using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// ERNIE 4.5 with experts after its first layers: a bias helps to choose them, and one is every row's.
/// </summary>
internal sealed class Ernie45Moe : Family
{
    public override string Architecture => "ernie4_5-moe";

    public override string Covers => "ERNIE 4.5 21B-A3B";

    public override HuggingFaceFamily HuggingFace => new("ernie4_5_moe")
    {
        Tensors = new Dictionary<string, string>
        {
            ["mlp.shared_experts.gate_proj"] = "ffn_gate_shexp",
            ["mlp.shared_experts.up_proj"] = "ffn_up_shexp",
            ["mlp.shared_experts.down_proj"] = "ffn_down_shexp",
            ["mlp.moe_statics.e_score_correction_bias"] = "exp_probs_b.bias",
        },
        Forms = [TensorForm.Vector("exp_probs_b.bias")],
        Keys = """
            moe_layer_end_index moe_norm_min moe_use_aux_free
            """,
        Settings = """
            expert_count u moe_num_experts
            expert_used_count u moe_k
            leading_dense_block_count u moe_layer_start_index
            interleave_moe_layer_step u moe_layer_interval
            expert_shared_count u moe_num_shared_experts
            """,
        Read = from =>
        {
            if (from.Config.Count("moe_num_shared_experts") is > 0 and var shared)
                from.Set("expert_shared_feed_forward_length", shared * from.Need("moe_intermediate_size"));
        },
        Write = to =>
        {
            if (!to.Has("expert_shared_count") && to.Number("expert_shared_feed_forward_length") is > 0 and var width)
                to.Set("moe_num_shared_experts", width / to.Number("expert_feed_forward_length"));
        },
    };

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override string Keys =>
        "leading_dense_block_count interleave_moe_layer_step expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common) =>
        common with { Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true) };
}
