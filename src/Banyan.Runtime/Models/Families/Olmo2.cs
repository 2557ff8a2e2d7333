using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// OLMo 2 (arXiv 2501.00656): norms behind the blocks instead of before them, and of queries and keys over their whole width. OLMo 3 has
/// the same name in GGUF, and a window: three of four layers see only that, and their positions are not stretched.
/// </summary>
internal sealed class Olmo2 : Family
{
    public override string Architecture => "olmo2";

    public override string Covers => "OLMo 2 and 3";

    public override HuggingFaceFamily HuggingFace => new("olmo2", "olmo3")
    {
        HasWindow = true,
        Tensors = new Dictionary<string, string>
        {
            ["post_attention_layernorm"] = "post_attention_norm",
            ["post_feedforward_layernorm"] = "post_ffw_norm",
        },
    };

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        Attention = common.Attention with { Norm = QueryKeyNorm.Row },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: null, after: at.Norm("post_attention_norm")),
        new Residual(at.FeedForward(), before: null, after: at.Norm("post_ffw_norm")));

    static AttentionShape Shape(LayerLoader at) => at.Keys.HasWindow(at.Index, usual: 4)
        ? at.Config.Attention with { Window = at.Keys.Window, Rope = at.Config.Attention.Rope! with { Scaling = null } }
        : at.Config.Attention;
}
