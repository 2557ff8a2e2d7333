using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Gemma 3 (arXiv 2503.19786): norms before and behind each block, GEGLU, and a window in all but every sixth layer, where positions turn
/// faster and are not stretched. GGUF's norm weights already hold the 1 that transformers adds.
/// </summary>
internal sealed class Gemma3 : Family
{
    public override string Architecture => "gemma3";

    public override string Covers => "Gemma 3 270M-27B, text";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => """
        rope.freq_base_swa
        hidden_activation = gelu_pytorch_tanh
        final_logit_softcapping = 0
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        EmbeddingScale = MathF.Sqrt(common.EmbeddingSize),
        GateActivation = GateActivation.Gelu,
        Attention = common.Attention with
        {
            Norm = QueryKeyNorm.Head,
            // The 27B model scales by the width that its heads would have, not by the one they have.
            Scale = common.Layers == 62 ? 1 / MathF.Sqrt((float)common.EmbeddingSize / common.Heads) : common.Attention.Scale,
        },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm"), after: at.Norm("post_attention_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm"), after: at.Norm("post_ffw_norm")));

    internal static AttentionShape Shape(LayerLoader at) => !at.Keys.HasWindow(at.Index, usual: 6) ? at.Config.Attention : at.Config.Attention with
    {
        Window = at.Keys.Window,
        Rope = at.Config.Attention.Rope! with { Scaling = null, Theta = at.Keys.Number("rope.freq_base_swa", 1.0001, 1e12, 10_000) },
    };
}
