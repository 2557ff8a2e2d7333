using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// LFM2 with experts behind its first layers, chosen by sigmoids with a bias.
/// </summary>
internal sealed class Lfm2Moe : Family
{
    public override string Architecture => "lfm2moe";

    public override string Covers => "LFM2 8B-A1B, 24B-A2B";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => """
        expert_gating_func = 2
        expert_weights_scale shortconv.l_cache leading_dense_block_count
        """;

    public override string OutputNorm => "token_embd_norm";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        Attention = common.Attention with { Norm = QueryKeyNorm.Head },
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true),
    };

    public override Layer Layer(LayerLoader at) => Lfm2.Mixed(at);
}
