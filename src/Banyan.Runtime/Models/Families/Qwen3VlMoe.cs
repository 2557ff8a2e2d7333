using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen3-VL with experts (text).
/// </summary>
internal sealed class Qwen3VlMoe : Family
{
    public override string Architecture => "qwen3vlmoe";

    public override string Covers => "Qwen3-VL with experts, text";

    public override HuggingFaceFamily HuggingFace => new("qwen3_vl_moe", "qwen3_vl_moe_text")
    {
        Tensors = new Dictionary<string, string>
        {
            ["mlp.experts.gate_up_proj"] = "ffn_gate_up_exps.transposed",
            ["mlp.experts.down_proj"] = "ffn_down_exps.transposed",
        },
        Forms =
        [
            TensorForm.Transposed("ffn_gate_up_exps.transposed", "ffn_gate_up_exps.weight"),
            TensorForm.Transposed("ffn_down_exps.transposed", "ffn_down_exps.weight"),
            TensorForm.Split("ffn_gate_up_exps.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight"),
        ],
        Keys = Qwen3Vl.HuggingFaceKeys,
        Read = Qwen3Vl.ReadPositions,
        Write = to =>
        {
            Qwen3Vl.WritePositions(to);
            to.Set("model_type", "qwen3_vl_moe_text");
        },
    };

    public override string Keys => "rope.dimension_sections n_deepstack_layers";

    public override Config Refine(ConfigReader reader, Config common)
    {
        var width = reader.Int("expert_feed_forward_length", 1, 1 << 22, common.FeedForwardSize);
        return common with
        {
            Attention = common.Attention with { Norm = QueryKeyNorm.Head },
            FeedForwardSize = width,
            Experts = reader.Experts(width, normalize: true)
        };
    }
}
