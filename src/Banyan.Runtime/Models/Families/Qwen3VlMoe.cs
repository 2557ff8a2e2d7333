namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen3-VL with experts as it reads text.
/// </summary>
internal sealed class Qwen3VlMoe : Family
{
    public override string Architecture => "qwen3vlmoe";

    public override string Covers => "Qwen3-VL with experts, text";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => "rope.dimension_sections n_deepstack_layers";

    public override Config Refine(ConfigReader reader, Config common)
    {
        var width = reader.Int("expert_feed_forward_length", 1, 1 << 22, common.FeedForwardSize);
        return common with { Attention = common.Attention with { Norm = QueryKeyNorm.Head }, FeedForwardSize = width, Experts = reader.Experts(width, normalize: true) };
    }
}
