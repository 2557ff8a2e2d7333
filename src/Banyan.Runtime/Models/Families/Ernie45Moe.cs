using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// ERNIE 4.5 with experts behind its first layers: a bias helps to choose them, and one is every row's.
/// </summary>
internal sealed class Ernie45Moe : Family
{
    public override string Architecture => "ernie4_5-moe";

    public override string Covers => "ERNIE 4.5 21B-A3B";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override string Keys => "leading_dense_block_count interleave_moe_layer_step expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common) =>
        common with { Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true) };
}
