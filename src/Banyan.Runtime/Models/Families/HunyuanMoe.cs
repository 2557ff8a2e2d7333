using System.Text.Json.Nodes;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Hunyuan with experts (github.com/Tencent-Hunyuan), and one shared expert. The width of an expert is that of a layer.
/// </summary>
internal sealed class HunyuanMoe : Family
{
    public override string Architecture => "hunyuan-moe";

    public override string Covers => "Hunyuan-A13B";

    public override HuggingFaceFamily HuggingFace => new("hunyuan_v1_moe")
    {
        Tensors = new Dictionary<string, string>(HunyuanDense.HuggingFaceTensors)
        {
            ["mlp.gate.wg"] = "ffn_gate_inp",
            ["mlp.shared_mlp.gate_proj"] = "ffn_gate_shexp",
            ["mlp.shared_mlp.up_proj"] = "ffn_up_shexp",
            ["mlp.shared_mlp.down_proj"] = "ffn_down_shexp",
        },
        Keys = HunyuanDense.HuggingFaceKeys + """

            use_mixed_mlp_moe = true
            moe_drop_tokens moe_random_routing_dropped_token capacity_factor group_limited_greedy moe_layer_num_skipped moe_topk num_shared_expert
            """,
        Settings = """
            expert_used_count u moe_used
            expert_feed_forward_length u moe_width
            """,
        Read = from =>
        {
            HunyuanDense.ReadPositions(from);
            uint One(string key, string other) => from.Config.Counts(key).Distinct().ToArray() is [var same] ? same
                : from.Config.Has(key)
                ? throw from.Refuse($"'{key}' differs from layer to layer, which is not implemented") : from.Need(other);
            from.Set("expert_used_count", One("moe_topk", "num_experts_per_tok"));
            var width = One("moe_intermediate_size", "intermediate_size");
            from.Set("expert_feed_forward_length", width);
            from.Set("feed_forward_length", width);
            from.Set("expert_shared_feed_forward_length", from.Need("intermediate_size"));
            from.Set("expert_shared_count", One("num_shared_expert", "num_experts"));
        },
        Write = to =>
        {
            JsonArray Array(long value) => to.Array(Enumerable.Repeat(value, to.Layers));
            to.Config.Remove("moe_used");
            to.Config.Remove("moe_width");
            to.Set("moe_topk", Array(to.Number("expert_used_count")));
            to.Set("moe_intermediate_size", Array(to.Number("feed_forward_length")));
            to.Set("intermediate_size", to.Number("expert_shared_feed_forward_length"));
            to.Set("num_shared_expert", Array(Math.Max(1, to.Number("expert_shared_count"))));
            to.Set("use_mixed_mlp_moe", true);
            to.Set("use_qk_norm", true);
        },
    };

    public override string Keys => "expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        Attention = HunyuanDense.Normed(common.Attention),
        Experts = reader.Experts(common.FeedForwardSize, normalize: true),
    };
}
