using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// DeepSeek V2, V3 (arXiv 2405.04434, 2412.19437) and what shares their blocks: latent attention; experts after the first layers, chosen by
/// a softmax or by sigmoids with a bias among groups, and shared experts.
/// </summary>
internal sealed class DeepSeek2 : Family
{
    public override string Architecture => "deepseek2";

    public override string Covers => "DeepSeek-V2-Lite, V2, V3, GLM-4.7-Flash";

    public override void AddGgufKeys(Dictionary<string, object> keys) => keys.TryAdd("deepseek2.attention.q_lora_rank", 0u);

    public override HuggingFaceFamily HuggingFace => new("deepseek_v2", "deepseek_v3", "glm4_moe_lite")
    {
        Tensors = new Dictionary<string, string>
        {
            ["self_attn.q_a_proj"] = "attn_q_a",
            ["self_attn.q_a_layernorm"] = "attn_q_a_norm",
            ["self_attn.q_b_proj"] = "attn_q_b",
            ["self_attn.kv_a_proj_with_mqa"] = "attn_kv_a_mqa",
            ["self_attn.kv_a_layernorm"] = "attn_kv_a_norm",
            ["self_attn.kv_b_proj"] = "attn_kv_b",
            ["mlp.shared_experts.gate_proj"] = "ffn_gate_shexp",
            ["mlp.shared_experts.up_proj"] = "ffn_up_shexp",
            ["mlp.shared_experts.down_proj"] = "ffn_down_shexp",
            ["mlp.gate.e_score_correction_bias"] = "exp_probs_b.bias",
        },
        Forms = [new TensorForm(set => set.Layers(layer => SplitKeysAndValues(set, layer)),
            set => set.Layers(layer => JoinKeysAndValues(set, layer))), Glm4Moe.WithoutGuesses],
        Keys = """
            topk_method = greedy group_limited_greedy noaux_tc
            scoring_func = softmax sigmoid
            rope_interleave = true
            rope_scaling.mscale
            rope_scaling.mscale_all_dim
            qk_nope_head_dim qk_rope_head_dim v_head_dim qk_head_dim num_nextn_predict_layers ep_size
            """,
        Settings = """
            attention.kv_lora_rank u kv_lora_rank
            attention.q_lora_rank u q_lora_rank
            expert_count u n_routed_experts
            expert_shared_count u n_shared_experts
            expert_weights_scale f routed_scaling_factor
            leading_dense_block_count u first_k_dense_replace
            expert_group_count u n_group
            expert_group_used_count u topk_group
            """,
        Read = from =>
        {
            var (config, nope, turned, value, latent) =
                (from.Config, from.Need("qk_nope_head_dim"), from.Need("qk_rope_head_dim"), from.Need("v_head_dim"),
                    from.Need("kv_lora_rank"));
            from.Set("attention.head_count_kv", 1u);
            from.Set("attention.key_length", latent + turned);
            from.Set("attention.value_length", latent);
            from.Set("attention.key_length_mla", nope + turned);
            from.Set("attention.value_length_mla", value);
            from.Set("rope.dimension_count", turned);
            if (config.String("topk_method") == "greedy")
                foreach (var key in (string[])["expert_group_count", "expert_group_used_count"])
                    from.Remove(key);
            if (config.String("topk_method") == "group_limited_greedy" && config.Count("n_group") > 1)
                throw from.Refuse(
                    "'topk_method' is group_limited_greedy, which is not implemented for several groups (greedy and noaux_tc are)");
            if (config.String("scoring_func") == "sigmoid" || config.String("topk_method") == "noaux_tc"
                || config.String("model_type") is "deepseek_v3" or "glm4_moe_lite")
                from.Set("expert_gating_func", 2u);
            if (from.Rope() is { } rope && rope.Float("mscale_all_dim") is { } all)
            {
                // Keys and queries get no scale of their own where both are alike.
                if (rope.Float("mscale") is { } own && own != all)
                    throw from.Refuse($"'rope_scaling.mscale' is {own}, which is not implemented ('mscale_all_dim', {all}, is)");
                from.Set("rope.scaling.yarn_log_multiplier", 0.1f * all);
            }
        },
        Write = to =>
        {
            var (turned, latent) = (to.Number("rope.dimension_count"), to.Number("attention.kv_lora_rank"));
            var sigmoid = to.Number("expert_gating_func") == 2;
            to.Set("model_type", sigmoid ? "deepseek_v3" : "deepseek_v2");
            to.Set("num_hidden_layers", to.Layers - to.Number("nextn_predict_layers"));
            to.Config.Remove("head_dim");
            to.Set("kv_lora_rank", latent);
            to.Set("q_lora_rank", to.Number("attention.q_lora_rank") is > 0 and var rank
                && to.Tensors.Has("blk.0.attn_q_a.weight") ? rank : null);
            to.Set("qk_rope_head_dim", turned);
            to.Set("qk_nope_head_dim", to.Number("attention.key_length_mla") - turned);
            to.Set("v_head_dim", to.Number("attention.value_length_mla"));
            to.Set("num_key_value_heads", to.Number("attention.head_count"));
            to.Set("topk_method", sigmoid ? "noaux_tc" : "greedy");
            to.Set("scoring_func", sigmoid ? "sigmoid" : "softmax");
            to.Set("norm_topk_prob", to.Flag("expert_weights_norm"));
            if (to.Float("rope.scaling.yarn_log_multiplier") is > 0 and var multiplier)
                foreach (var key in (string[])["mscale", "mscale_all_dim"])
                    to.Rope[key] = HuggingFaceWriting.Plain((float)(multiplier * 10));
        },
    };

    // Of each head what expands its keys, then its values; in GGUF apart, the keys' the other way round.
    static void SplitKeysAndValues(TensorSet set, string layer)
    {
        if (!set.Take(layer + "attn_kv_b.weight", out var both))
            return;
        var (value, heads) = (set.Number("attention.value_length_mla"), set.Number("attention.head_count"));
        var nope = set.Number("attention.key_length_mla") - set.Number("rope.dimension_count");
        Tensor Part(long first, long rows) =>
            both.PickRows([heads, rows, both.Columns], row => row / rows * (nope + value) + first + row % rows);
        set.Add(Part(0, nope).Transpose().Named(layer + "attn_k_b.weight"));
        set.Add(Part(nope, value).Named(layer + "attn_v_b.weight"));
    }

    static void JoinKeysAndValues(TensorSet set, string layer)
    {
        if (!set.Take(layer + "attn_k_b.weight", out var keys) || !set.Take(layer + "attn_v_b.weight", out var values))
            return;
        var turned = keys.Transpose(); // [heads, plain, latent]
        var (heads, nope, value) = (turned.Shape[0], turned.Shape[1], values.Shape[1]);
        var all = TensorViews.Join("", [turned.Rows + values.Rows, values.Columns], turned, values);
        set.Add(all.PickRows([heads * (nope + value), values.Columns], row =>
        {
            var (head, at) = (row / (nope + value), row % (nope + value));
            return at < nope ? head * nope + at : turned.Rows + head * value + at - nope;
        }).Named(layer + "attn_kv_b.weight"));
    }

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
        Experts = reader.Int("expert_count", 0, 1 << 14, 0) == 0 ? null
            : reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: false),
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(new LatentAttention(at, Shape(at)), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static LatentShape Shape(LayerLoader at)
    {
        var (keys, attention) = (at.Keys, at.Config.Attention);
        var rope = attention.Rope!;
        var (latent, head, value) = (keys.Int("attention.kv_lora_rank", 1, 1 << 14), keys.Int("attention.key_length_mla", 1, 1 << 14),
            keys.Int("attention.value_length_mla", 1, 1 << 14));
        if (rope.Dimensions >= head || attention.HeadSize != latent + rope.Dimensions || attention.ValueSize != latent)
            throw keys.Refuse(
                $"heads of {head}, {rope.Dimensions} of them turned, and a latent of {latent} do not make keys of {attention.HeadSize} and values of {attention.ValueSize}");
        // The stretched model sharpens its scores by the square of this, and what turns by nothing.
        var stretch = rope.Scaling is YarnScaling { Factor: > 1 } yarn ? 1 + yarn.LogMultiplier * Math.Log(yarn.Factor) : 1;
        // Some files of V2-Lite name a rank that they do not have.
        var rank = at.Has("attn_q_a.weight") ? keys.Int("attention.q_lora_rank", 1, 1 << 14) : 0;
        return new LatentShape(attention.Heads, rank, latent, head - rope.Dimensions, rope.Dimensions, value,
            (float)(stretch * stretch / Math.Sqrt(head)),
            rope with { AttentionFactor = rope.Scaling is YarnScaling scaling ? 1 / scaling.Magnitude : 1 });
    }
}
