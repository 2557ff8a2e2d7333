using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>SmolLM3 (huggingface.co/blog/smollm3): Llama whose every fourth layer has no positions (NoPE, arXiv 2501.18795).</summary>
internal sealed class SmolLm3 : Family
{
    public override string Architecture => "smollm3";

    public override string Covers => "SmolLM3-3B";

    public override IReadOnlyList<string> ShapedTypes => [Architecture];

    public override HuggingFaceFamily HuggingFace => new("smollm3")
    {
        Keys = """
            no_rope_layer_interval = 4
            no_rope_layers = 0 1
            """,
        Write = to => to.Set("no_rope_layer_interval", 4),
    };

    public override RopePairs Pairs(ModelFileKind kind) => kind == ModelFileKind.Gguf ? RopePairs.Neighbours : RopePairs.Halves;

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static AttentionShape Shape(LayerLoader at) => (at.Index + 1) % 4 == 0 ? at.Config.Attention with { Rope = null } : at.Config.Attention;
}
