using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Command R7B and A (arXiv 2504.00698): attention and feed-forward side by side after one LayerNorm; three of four layers have a window
/// and positions, the fourth neither.
/// </summary>
internal sealed class Cohere2 : Family
{
    public override string Architecture => "cohere2";

    public override string Covers => "Command R7B, Command A";

    public override HuggingFaceFamily HuggingFace => new("cohere2")
    {
        HasWindow = true,
        Keys = """
            use_gated_activation = true
            use_parallel_block = true
            use_parallel_embedding = false
            use_qk_norm = false
            use_embedding_sharing cache_implementation order_of_interleaved_layers rotary_pct
            """,
        Settings = "logit_scale f logit_scale",
        Defaults = """{"tie_word_embeddings":true,"rotary_pct":1.0,"logit_scale":0.0625}""",
        Write = to => to.WindowTypes(usual: 4),
    };

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
