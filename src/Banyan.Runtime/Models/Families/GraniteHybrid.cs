using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Granite 4 (huggingface.co/ibm-granite): Mamba 2 in most layers, attention in those that have KV heads; experts and one that is every
/// row's, or a plain feed-forward.
/// </summary>
internal sealed class GraniteHybrid : Family
{
    public override string Architecture => "granitehybrid";

    public override string Covers => "Granite 4.0 H 350M-32B-A9B";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override string Keys => $"{Mamba2Shape.Keys} logit_scale residual_scale embedding_scale expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common)
    {
        var scaled = Granite.Scaled(reader, common);
        // Positions that were never trained are not used.
        scaled = scaled with { Attention = reader.Flag("rope.scaling.finetuned", true) ? scaled.Attention : scaled.Attention with { Rope = null } };
        if (reader.Int("expert_count", 0, 1 << 14, 0) == 0)
            return scaled;
        var experts = reader.Experts(common.FeedForwardSize, normalize: true);
        return scaled with { Experts = experts with { Scale = experts.Scale * scaled.ResidualScale } };
    }

    public override Layer Layer(LayerLoader at) => new(
        new Residual(Mixer(at), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static Block Mixer(LayerLoader at) => at.Keys.Ints("attention.head_count_kv", 0, 1 << 14)[at.Index] is > 0 and var kvHeads
        ? at.Attention(at.Config.Attention with { KvHeads = kvHeads })
        : new Mamba2(at, Mamba2Shape.Read(at.Keys));
}
