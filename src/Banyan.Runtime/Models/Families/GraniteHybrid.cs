using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Granite 4 (huggingface.co/ibm-granite): Mamba 2 in most layers, attention in those that have KV heads; experts and one that is every
/// row's, or a plain feed-forward.
/// </summary>
internal sealed class GraniteHybrid : Family
{
    public override string Architecture => "granitehybrid";

    public override string Covers => "Granite 4.0 H 350M-32B-A9B";

    internal const string HuggingFaceKeys = """
        num_local_experts
        num_experts_per_tok
        layer_types = mamba attention
        position_embedding_type = rope nope
        normalization_function = rmsnorm
        mamba_conv_bias = true
        mamba_proj_bias = false
        mamba_chunk_size mamba_expand mamba_d_head time_step_min time_step_max time_step_limit time_step_floor init_method shared_intermediate_size
        mamba_d_conv mamba_d_state mamba_n_heads mamba_n_groups
        """;

    public override HuggingFaceFamily HuggingFace => new("granitemoehybrid")
    {
        Tensors = new Dictionary<string, string>(GraniteMoe.HuggingFaceTensors)
        {
            ["mamba.in_proj"] = "ssm_in",
            ["mamba.conv1d"] = "ssm_conv1d",
            ["mamba.dt_bias"] = "ssm_dt.bias",
            ["mamba.A_log"] = "ssm_a",
            ["mamba.D"] = "ssm_d",
            ["mamba.norm"] = "ssm_norm",
            ["mamba.out_proj"] = "ssm_out",
        },
        Forms =
        [
            .. GraniteMoe.HuggingFaceForms,
            // Without experts the one that every row goes to is the feed-forward.
            .. new[] { "gate", "up", "down" }.Select(n => TensorForm.Renamed($"ffn_{n}_shexp.weight", $"ffn_{n}.weight")
                .Where(set => set.Number("expert_count") == 0)),
            .. Mamba2Shape.HuggingFaceForms,
        ],
        Keys = HuggingFaceKeys,
        Settings = Granite.HuggingFaceSettings + """

            expert_count u num_local_experts
            expert_shared_feed_forward_length u shared_intermediate_size
            ssm.conv_kernel u mamba_d_conv
            ssm.state_size u mamba_d_state
            ssm.time_step_rank u mamba_n_heads
            ssm.group_count u mamba_n_groups
            """,
        Fits = config => config.Names("layer_types").Contains("mamba"),
        Read = from =>
        {
            from.KvHeads(type => type == "attention");
            from.Set("ssm.inner_size", from.Config.Count("mamba_d_head") is { } head ? head * from.Need("mamba_n_heads")
                : (from.Config.Count("mamba_expand") ?? 2) * from.Need("hidden_size"));
            if (from.Config.String("position_embedding_type") == "nope")
                from.Set("rope.scaling.finetuned", false);
            if (from.Config.Count("num_local_experts") is > 0)
                return;
            foreach (var key in (string[])["expert_count", "expert_used_count", "expert_shared_feed_forward_length"])
                from.Remove(key);
            from.Set("feed_forward_length", from.Need("shared_intermediate_size", "intermediate_size"));
        },
        Write = to =>
        {
            var kv = to.Numbers("attention.head_count_kv");
            to.LayerTypes(i => kv[i] > 0 ? "attention" : "mamba");
            to.Set("num_key_value_heads", kv.Max());
            to.Set("mamba_d_head", to.Number("ssm.inner_size") / to.Number("ssm.time_step_rank"));
            to.Set("mamba_expand", to.Number("ssm.inner_size") / to.Number("embedding_length"));
            to.Set("mamba_conv_bias", true);
            to.Set("position_embedding_type", to.Flag("rope.scaling.finetuned", true) ? "rope" : "nope");
            if (to.Number("expert_count") > 0)
                return;
            to.Set("num_local_experts", 0);
            to.Set("shared_intermediate_size", to.Number("feed_forward_length"));
        },
    };

    public override RopePairs Pairs(ModelFileKind kind) => kind == ModelFileKind.Gguf ? RopePairs.Neighbours : RopePairs.Halves;

    public override string Keys =>
        $"{Mamba2Shape.Keys} logit_scale residual_scale embedding_scale expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common)
    {
        var scaled = Granite.Scaled(reader, common);
        // Positions that were never trained are not used.
        scaled = scaled
            with
        { Attention = reader.Flag("rope.scaling.finetuned", true) ? scaled.Attention : scaled.Attention with { Rope = null } };
        if (reader.Int("expert_count", 0, 1 << 14, 0) == 0)
            return scaled;
        var experts = reader.Experts(common.FeedForwardSize, normalize: true);
        return scaled with { Experts = experts with { Scale = experts.Scale * scaled.ResidualScale } };
    }

    public override Layer Layer(LayerLoader at) => new(
        new Residual(Mixer(at), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static Block Mixer(LayerLoader at) => at.Keys.Ints("attention.head_count_kv", 0, 1 << 14)[at.Index] is > 0 and var kvHeads
        ? at.Attention(at.Config.Attention with { KvHeads = kvHeads })
        : new Mamba2(at, Mamba2Shape.Read(at.Keys));
}
