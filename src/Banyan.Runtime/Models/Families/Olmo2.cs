using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// OLMo 2 (arXiv 2501.00656): norms after the blocks instead of before them, and of queries and keys over their whole width. OLMo 3 has
/// the same name in GGUF, and a window: three of four layers see only that, and their positions are not scaled.
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
        Read = from =>
        {
            // OLMo 3 has a window even where it does not list its layers.
            if (from.Config.String("model_type") == "olmo3" && from.LayerTypes is null && from.Has("attention.sliding_window"))
                from.Set("attention.sliding_window_pattern", 4u);
        },
        Write = to =>
        {
            to.WindowTypes(usual: 4);
            to.Set("model_type", to.Has("attention.sliding_window") ? "olmo3" : "olmo2");
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
