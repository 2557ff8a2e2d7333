using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Hunyuan (github.com/Tencent-Hunyuan): llama whose query and key heads are normed after rotation.
/// </summary>
internal sealed class HunyuanDense : Family
{
    public override string Architecture => "hunyuan-dense";

    public override string Covers => "Hunyuan 0.5-7B";

    internal static readonly IReadOnlyDictionary<string, string> HuggingFaceTensors = new Dictionary<string, string>
    {
        ["self_attn.query_layernorm"] = "attn_q_norm",
        ["self_attn.key_layernorm"] = "attn_k_norm",
    };

    internal const string HuggingFaceKeys = """
        use_qk_norm = true
        rope_scaling.rope_type = default dynamic
        rope_scaling.type = default dynamic
        rope_scaling.mscale
        rope_scaling.mscale_all_dim
        rope_scaling.alpha
        use_cla = false
        cla_share_factor attention_head_dim eod_token_id im_start_id im_end_id im_newline_id text_start_id text_end_id mask_init_id org_vocab_size
        add_classification_head = false
        class_num pool_type
        """;

    public override HuggingFaceFamily HuggingFace => new("hunyuan_v1_dense")
    {
        Tensors = HuggingFaceTensors,
        Keys = HuggingFaceKeys,
        Read = ReadPositions,
        Write = to => to.Set("use_qk_norm", true),
    };

    // "dynamic" with an alpha is another base, and the context that it was made for.
    internal static void ReadPositions(HuggingFaceReading from)
    {
        if (from.Rope() is not { } rope || rope.String("rope_type") is not "dynamic" && rope.String("type") is not "dynamic")
            return;
        var size = from.Config.Count("head_dim") ?? from.Need("hidden_size") / from.Need("num_attention_heads");
        var theta = from.Config.Float("rope_theta") ?? rope.Float("rope_theta") ?? 10_000f;
        if (rope.Float("alpha") is not { } alpha || rope.Float("factor") is not (null or 1))
            throw from.Refuse("'rope_scaling.type' is dynamic, which is implemented with an 'alpha' and a factor of 1 alone");
        from.Set("rope.freq_base", (float)(theta * Math.Pow(alpha, size / (size - 2.0))));
        foreach (var key in (string[])["type", "factor", "original_context_length"])
            from.Remove($"rope.scaling.{key}");
    }

    public override Config Refine(ConfigReader reader, Config common) => common with { Attention = Normed(common.Attention) };

    internal static AttentionShape Normed(AttentionShape shape) => shape with { Norm = QueryKeyNorm.Head, NormAfterRope = true };
}
