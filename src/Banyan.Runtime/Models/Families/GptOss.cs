using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// gpt-oss (arXiv 2508.10925): attention with sinks, and a window in every other layer; experts with biases, whose weights are a softmax over
/// the chosen, and whose SwiGLU is clamped.
/// </summary>
internal sealed class GptOss : Family
{
    public override string Architecture => "gpt-oss";

    public override string Covers => "gpt-oss-20b, 120b";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => "expert_gating_func = 0 3";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        Attention = common.Attention with { HasSinks = true },
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: false) with
        {
            SoftmaxOfChosen = true,
            Activation = GateActivation.ClampedSwish,
        },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("post_attention_norm")));

    static AttentionShape Shape(LayerLoader at) =>
        at.Config.Attention with { Window = at.Keys.HasWindow(at.Index, usual: 2) ? at.Keys.Window : 0 };
}
