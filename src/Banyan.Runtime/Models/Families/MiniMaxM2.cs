namespace Banyan.Runtime.Models.Families;

/// <summary>
/// MiniMax-M2 (github.com/MiniMax-AI/MiniMax-M2): norms over all query and all key heads, a part of each head turns, experts chosen by
/// sigmoids with a bias.
/// </summary>
internal sealed class MiniMaxM2 : Family
{
    public override string Architecture => "minimax-m2";

    public override string Covers => "MiniMax-M2";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

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
