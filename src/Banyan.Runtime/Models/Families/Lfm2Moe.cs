using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// LFM2 with experts after its first layers, chosen by sigmoids with a bias.
/// </summary>
internal sealed class Lfm2Moe : Family
{
    public override string Architecture => "lfm2moe";

    public override string Covers => "LFM2 8B-A1B, 24B-A2B";

    public override HuggingFaceFamily HuggingFace => new("lfm2_moe")
    {
        Tensors = Lfm2.HuggingFaceTensors,
        Keys = Lfm2.HuggingFaceKeys,
        Settings = """
            shortconv.l_cache u conv_L_cache
            attention.layer_norm_rms_epsilon f norm_eps
            leading_dense_block_count u num_dense_layers
            expert_weights_scale f routed_scaling_factor
            """,
        Defaults = """{"tie_word_embeddings":true,"rope_theta":1000000.0,"norm_eps":1e-05}""",
        Forms = [TensorForm.Convolution("shortconv.conv.weight")],
        Read = from =>
        {
            Lfm2.ReadLayers(from);
            from.Set("expert_gating_func", 2u);
        },
        Write = to =>
        {
            Lfm2.WriteLayers(to);
            to.Set("use_expert_bias", true);
            to.Set("norm_topk_prob", true);
        },
    };

    public override string Keys => """
        expert_gating_func = 2
        expert_weights_scale shortconv.l_cache leading_dense_block_count
        """;

    public override string OutputNorm => "token_embd_norm";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        Attention = common.Attention with { Norm = QueryKeyNorm.Head },
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true),
    };

    public override Layer Layer(LayerLoader at) => Lfm2.Mixed(at);
}
