namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Hunyuan with experts (github.com/Tencent-Hunyuan), and one more that every row goes to. The width of an expert is that of a layer.
/// </summary>
internal sealed class HunyuanMoe : Family
{
    public override string Architecture => "hunyuan-moe";

    public override string Covers => "Hunyuan-A13B";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => "expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        Attention = HunyuanDense.Normed(common.Attention),
        Experts = reader.Experts(common.FeedForwardSize, normalize: true),
    };
}
