namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen2 with experts (arXiv 2407.10671): their weights are those of the softmax over all, and one more expert is every row's, as much of
/// it as a gate says.
/// </summary>
internal sealed class Qwen2Moe : Family
{
    public override string Architecture => "qwen2moe";

    public override string Covers => "Qwen1.5-MoE, Qwen2-57B-A14B";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => "expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common) =>
        common with { Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22, common.FeedForwardSize), normalize: false) };
}
