using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Falcon-H1 (arXiv 2507.22448): attention and Mamba 2 side by side in every layer. The multipliers of the original are folded into the
/// weights of GGUF.
/// </summary>
internal sealed class FalconH1 : Family
{
    public override string Architecture => "falcon-h1";

    public override string Covers => "Falcon-H1 0.5B-34B";

    public override string GgufName(string name) =>
        name.EndsWith(".ffn_norm.weight", StringComparison.Ordinal) ? name[..^".weight".Length] : name;

    public override HuggingFaceFamily HuggingFace => new("falcon_h1")
    {
        Tensors = new Dictionary<string, string>
        {
            ["model.final_layernorm.weight"] = "output_norm.weight",
            ["pre_ff_layernorm"] = "ffn_norm",
            ["mamba.in_proj"] = "ssm_in",
            ["mamba.conv1d"] = "ssm_conv1d",
            ["mamba.dt_bias"] = "ssm_dt.bias",
            ["mamba.A_log"] = "ssm_a",
            ["mamba.D"] = "ssm_d",
            ["mamba.norm"] = "ssm_norm",
            ["mamba.out_proj"] = "ssm_out",
            ["feed_forward.gate_proj"] = "ffn_gate",
            ["feed_forward.up_proj"] = "ffn_up",
            ["feed_forward.down_proj"] = "ffn_down",
        },
        Forms = Mamba2Shape.HuggingFaceForms,
        Keys = """
            mamba_conv_bias = true
            mamba_proj_bias = false
            mamba_norm_before_gate = false
            mamba_use_mlp = true
            projectors_bias = false
            embedding_multiplier lm_head_multiplier key_multiplier attention_in_multiplier attention_out_multiplier ssm_in_multiplier
            ssm_out_multiplier mlp_multipliers ssm_multipliers mamba_rms_norm mamba_chunk_size mamba_expand mamba_d_head mamba_d_ssm
            time_step_min time_step_max time_step_limit time_step_floor time_step_rank mlp_expansion_factor num_logits_to_keep attn_layer_indices
            """,
        Settings = """
            ssm.conv_kernel u mamba_d_conv
            ssm.state_size u mamba_d_state
            ssm.time_step_rank u mamba_n_heads
            ssm.group_count u mamba_n_groups
            ssm.inner_size u mamba_d_ssm
            """,
        Read = Fold,
        Write = to =>
        {
            to.Set("mamba_d_head", to.Number("ssm.inner_size") / to.Number("ssm.time_step_rank"));
            to.Set("mamba_conv_bias", true);
            to.Set("mamba_rms_norm", to.Tensors.Has("blk.0.ssm_norm.weight"));
            to.Set("mamba_norm_before_gate", false);
        },
    };

    // What transformers multiplies by on the way goes into the weights.
    static void Fold(HuggingFaceReading from)
    {
        var config = from.Config;
        float One(string key) => config.Float(key) ?? 1;
        float[] Several(string key, int count) => from.Floats(config, key) is not { } all ? [.. Enumerable.Repeat(1f, count)]
            : all.Length == count ? all : throw from.Refuse($"'{key}' has {all.Length} values: {count} are needed");
        var (mlp, ssm, attention) = (Several("mlp_multipliers", 2), Several("ssm_multipliers", 5), One("attention_in_multiplier"));
        foreach (var (name, factor) in ((string, float)[])
        [
            ("token_embd.weight", One("embedding_multiplier")), ("output.weight", One("lm_head_multiplier")), ("attn_q.weight", attention),
            ("attn_v.weight", attention),
            ("attn_k.weight", attention * One("key_multiplier")), ("attn_output.weight", One("attention_out_multiplier")),
            ("ffn_gate.weight", mlp[0]), ("ffn_down.weight", mlp[1]),
            ("ssm_out.weight", One("ssm_out_multiplier")),
        ])
            if (factor != 1)
                from.Changes.Add(set => set.Each(name, t => t.Map(w => w * factor)));
        var (inner, state) = (from.Need("mamba_d_ssm"), from.Need("mamba_n_groups") * from.Need("mamba_d_state"));
        long[] ends = [inner, 2 * inner, 2 * inner + state, 2 * inner + 2 * state, long.MaxValue];
        if (One("ssm_in_multiplier") is var all && (all != 1 || ssm.Any(f => f != 1)))
            from.Changes.Add(set => set.Each("ssm_in.weight",
                t => t.MapRows((row, w) => w * (all * ssm[Array.FindIndex(ends, end => row < end)]))));
        if (config.Bool("tie_word_embeddings") == true && One("embedding_multiplier") != One("lm_head_multiplier"))
            throw from.Refuse(
                "'tie_word_embeddings' is true with an 'embedding_multiplier' other than 'lm_head_multiplier', which is not implemented");
    }

    public override string Keys => Mamba2Shape.Keys;

    public override Layer Layer(LayerLoader at) => new(
        new Residual(new SideBySide(at.Attention(), new Mamba2(at, Mamba2Shape.Read(at.Keys))), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));
}
