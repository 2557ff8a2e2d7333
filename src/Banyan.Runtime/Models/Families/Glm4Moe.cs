using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// GLM-4.5 (arXiv 2508.06471): a part of each head turns; experts behind the first layers, chosen by sigmoids with a bias, and one that is
/// every row's. The last layers guess the tokens after the next, and are not computed.
/// </summary>
internal sealed class Glm4Moe : Family
{
    public override string Architecture => "glm4moe";

    public override string Covers => "GLM-4.5, 4.6 and 4.7";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => """
        expert_gating_func = 2
        expert_weights_scale nextn_predict_layers leading_dense_block_count expert_shared_count expert_shared_feed_forward_length
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        Layers = common.Layers - reader.Int("nextn_predict_layers", 0, common.Layers - 1, 0),
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true),
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("post_attention_norm")));

    // The larger of them norm queries and keys.
    static AttentionShape Shape(LayerLoader at) =>
        at.Config.Attention with { Norm = at.Has("attn_q_norm.weight") ? QueryKeyNorm.Head : QueryKeyNorm.None };
}
