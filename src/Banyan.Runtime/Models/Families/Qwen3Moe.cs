namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen3 with a mixture of experts: softmax over all experts, the best few, their weights scaled to sum to 1. GGUF has no key for that
/// scaling, as every published model has it on; <c>expert_weights_norm</c> says otherwise where a file has it.
/// </summary>
internal sealed class Qwen3Moe : Family
{
    public override string Architecture => "qwen3moe";

    public override string Covers => "Qwen3-30B-A3B, Qwen3-Coder";

    public override bool HasHeadNorms => true;

    public override HuggingFaceFamily HuggingFace => new("qwen3_moe") { Keys = "use_qk_norm = true" };

    public override Config Refine(ConfigReader reader, Config common)
    {
        var width = reader.Int("expert_feed_forward_length", 1, 1 << 22, common.FeedForwardSize);
        return common with
        {
            Attention = common.Attention with { Norm = QueryKeyNorm.Head },
            FeedForwardSize = width,
            Experts = reader.Experts(width, normalize: true),
        };
    }
}
