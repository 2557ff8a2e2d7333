using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Command R7B and A (arXiv 2504.00698): attention and feed-forward side by side behind one LayerNorm; three of four layers have a window and
/// positions, the fourth neither.
/// </summary>
internal sealed class Cohere2 : Family
{
    public override string Architecture => "cohere2";

    public override string Covers => "Command R7B, Command A";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override bool HasLayerNorm => true;

    public override string Keys => """
        use_parallel_residual = true
        logit_scale attention.layer_norm_epsilon
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        LogitScale = (float)reader.Number("logit_scale", 1e-6, 1e6, 1),
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(new SideBySide(at.Attention(Shape(at)), at.FeedForward()), before: at.Norm("attn_norm")));

    static AttentionShape Shape(LayerLoader at) => at.Keys.HasWindow(at.Index, usual: 4)
        ? at.Config.Attention with { Window = at.Keys.Window }
        : at.Config.Attention with { Rope = null };
}
