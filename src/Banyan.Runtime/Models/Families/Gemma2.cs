using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Gemma 2 (arXiv 2408.00118): as Gemma 3, with a window in every other layer, and caps on scores and logits instead of norms of queries and
/// keys.
/// </summary>
internal sealed class Gemma2 : Family
{
    public override string Architecture => "gemma2";

    public override string Covers => "Gemma 2 2B-27B";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => "attn_logit_softcapping final_logit_softcapping";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        EmbeddingScale = MathF.Sqrt(common.EmbeddingSize),
        GateActivation = GateActivation.Gelu,
        LogitSoftCap = (float)reader.Number("final_logit_softcapping", 0, 1e6, 30),
        Attention = common.Attention with
        {
            SoftCap = (float)reader.Number("attn_logit_softcapping", 0, 1e6, 50),
            // The 27B model scales by the width that its heads would have, not by the one they have.
            Scale = common.Layers == 46 ? 1 / MathF.Sqrt((float)common.EmbeddingSize / common.Heads) : common.Attention.Scale,
        },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm"), after: at.Norm("post_attention_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm"), after: at.Norm("post_ffw_norm")));

    static AttentionShape Shape(LayerLoader at) =>
        at.Config.Attention with { Window = at.Keys.HasWindow(at.Index, usual: 2) ? at.Keys.Window : 0 };
}
