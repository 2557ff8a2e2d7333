using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// DeepSeek V2, V3 (arXiv 2405.04434, 2412.19437) and what shares their blocks: latent attention; experts behind the first layers, chosen by a
/// softmax or by sigmoids with a bias among groups, and some that are every row's.
/// </summary>
internal sealed class DeepSeek2 : Family
{
    public override string Architecture => "deepseek2";

    public override string Covers => "DeepSeek-V2-Lite, V2, V3, GLM-4.7-Flash";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override string Keys => """
        expert_gating_func = 0 1 2
        attention.q_lora_rank attention.kv_lora_rank attention.key_length_mla attention.value_length_mla rope.scaling.yarn_log_multiplier
        expert_weights_scale expert_shared_count expert_shared_feed_forward_length leading_dense_block_count expert_group_count
        expert_group_used_count nextn_predict_layers
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        Layers = common.Layers - reader.Int("nextn_predict_layers", 0, common.Layers - 1, 0),
        Experts = reader.Int("expert_count", 0, 1 << 14, 0) == 0 ? null : reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: false),
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(new LatentAttention(at, Shape(at)), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static LatentShape Shape(LayerLoader at)
    {
        var (keys, attention) = (at.Keys, at.Config.Attention);
        var rope = attention.Rope!;
        var (latent, head, value) = (keys.Int("attention.kv_lora_rank", 1, 1 << 14), keys.Int("attention.key_length_mla", 1, 1 << 14), keys.Int("attention.value_length_mla", 1, 1 << 14));
        if (rope.Dimensions >= head || attention.HeadSize != latent + rope.Dimensions || attention.ValueSize != latent)
            throw keys.Refuse($"heads of {head}, {rope.Dimensions} of them turned, and a latent of {latent} do not make keys of {attention.HeadSize} and values of {attention.ValueSize}");
        // The stretched model sharpens its scores by the square of this, and what turns by nothing.
        var stretch = rope.Scaling is YarnScaling { Factor: > 1 } yarn ? 1 + yarn.LogMultiplier * Math.Log(yarn.Factor) : 1;
        // Some files of V2-Lite name a rank that they do not have.
        var rank = at.Has("attn_q_a.weight") ? keys.Int("attention.q_lora_rank", 1, 1 << 14) : 0;
        return new LatentShape(attention.Heads, rank, latent, head - rope.Dimensions, rope.Dimensions, value, (float)(stretch * stretch / Math.Sqrt(head)),
            rope with { AttentionFactor = rope.Scaling is YarnScaling scaling ? 1 / scaling.Magnitude : 1 });
    }
}
