using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen2 with experts (arXiv 2407.10671): their weights are those of the softmax over all, and one more expert is every row's, as much of
/// it as a gate says.
/// </summary>
internal sealed class Qwen2Moe : Family
{
    public override string Architecture => "qwen2moe";

    public override string Covers => "Qwen1.5-MoE, Qwen2-57B-A14B";

    /// <summary>The shared expert.</summary>
    internal static readonly IReadOnlyDictionary<string, string> HuggingFaceTensors = new Dictionary<string, string>
    {
        ["mlp.shared_expert.gate_proj"] = "ffn_gate_shexp",
        ["mlp.shared_expert.up_proj"] = "ffn_up_shexp",
        ["mlp.shared_expert.down_proj"] = "ffn_down_shexp",
        ["mlp.shared_expert_gate"] = "ffn_gate_inp_shexp",
    };

    public override HuggingFaceFamily HuggingFace => new("qwen2_moe")
    {
        Tensors = HuggingFaceTensors,
        Settings = "expert_shared_feed_forward_length u shared_expert_intermediate_size",
        Forms = [TensorForm.Vector("ffn_gate_inp_shexp.weight")],
    };

    public override string Keys => "expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common) =>
        common with
        {
            Experts =
            reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22, common.FeedForwardSize), normalize: false)
        };
}
