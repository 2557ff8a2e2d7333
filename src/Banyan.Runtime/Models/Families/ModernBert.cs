using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// ModernBERT (arXiv 2412.13663): an encoder with norms before the blocks, rotary positions, GEGLU, and a window in two of three layers, where
/// positions turn faster.
/// </summary>
internal sealed class ModernBert : Family
{
    public override string Architecture => "modern-bert";

    public override string Covers => "ModernBERT, Granite Embedding R2, GTE ModernBERT";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override bool IsEncoder => true;

    public override bool HasLayerNorm => true;

    public override string Keys => """
        attention.causal = false
        hidden_activation = gelu
        attention.layer_norm_epsilon rope.freq_base_swa classifier.output_labels
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        GateActivation = GateActivation.Gelu,
    };

    // The first layer has no norm before its attention: the embeddings have one.
    public override Layer Layer(LayerLoader at) => new(
        new Residual(new EncoderAttention(at, Shape(at)), before: at.Has("attn_norm.weight") ? at.Norm("attn_norm") : null),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static AttentionShape Shape(LayerLoader at) => !HasWindow(at) ? at.Config.Attention : at.Config.Attention with
    {
        Window = at.Keys.Window,
        Rope = at.Config.Attention.Rope! with { Theta = at.Keys.Number("rope.freq_base_swa", 1.0001, 1e12, 10_000) },
    };

    // Every third layer, from the first on, sees all.
    static bool HasWindow(LayerLoader at) => at.Keys.Window > 0 && (at.Keys.IsArray("attention.sliding_window_pattern")
        ? at.Keys.HasWindow(at.Index, usual: 3)
        : at.Index % at.Keys.Int("attention.sliding_window_pattern", 1, 1 << 12, 3) != 0);
}
