using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Granite with experts; some have one more that every row goes to.
/// </summary>
internal sealed class GraniteMoe : Family
{
    public override string Architecture => "granitemoe";

    public override string Covers => "Granite 3.x with experts";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override string Keys => "logit_scale residual_scale embedding_scale expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common)
    {
        var scaled = Granite.Scaled(reader, common);
        var experts = reader.Experts(common.FeedForwardSize, normalize: true);
        return scaled with { Experts = experts with { Scale = experts.Scale * scaled.ResidualScale } };
    }
}
