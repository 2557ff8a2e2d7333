using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Muse Glimmer: embeddings and blocks are normed on both sides, attention has a gate; three of four layers have a window and positions, the
/// fourth neither.
/// </summary>
internal sealed class MuseGlimmer : Family
{
    /// <summary>Of the norms behind blocks, whatever the file says of the others.</summary>
    const float PostEpsilon = 1e-8f;

    public override string Architecture => "muse-glimmer";

    public override string Covers => "Muse Glimmer 30B";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override string Keys => "logit_scale final_logit_softcapping";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        EmbeddingEpsilon = common.NormEpsilon,
        LogitScale = (float)reader.Number("logit_scale", 1e-6, 1e6, 1),
        LogitSoftCap = (float)reader.Number("final_logit_softcapping", 0, 1e6, 30),
        Attention = common.Attention with { Norm = QueryKeyNorm.Head, Gate = AttentionGate.Own },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm"), after: at.NormBy("post_attention_norm", PostEpsilon)),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm"), after: at.NormBy("post_ffw_norm", PostEpsilon)));

    static AttentionShape Shape(LayerLoader at) => at.Keys.HasWindow(at.Index, usual: 4)
        ? at.Config.Attention with { Window = at.Keys.Window }
        : at.Config.Attention with { Rope = null };
}
