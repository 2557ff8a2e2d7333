using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Granite with experts; some have a shared expert.
/// </summary>
internal sealed class GraniteMoe : Family
{
    public override string Architecture => "granitemoe";

    public override string Covers => "Granite 3.x with experts";

    internal static readonly IReadOnlyDictionary<string, string> HuggingFaceTensors = new Dictionary<string, string>
    {
        ["block_sparse_moe.router.layer"] = "ffn_gate_inp",
        ["block_sparse_moe.input_linear"] = "ffn_gate_up_exps",
        ["block_sparse_moe.output_linear"] = "ffn_down_exps",
        ["shared_mlp.input_linear"] = "ffn_gate_up_shexp",
        ["shared_mlp.output_linear"] = "ffn_down_shexp",
    };

    internal static readonly TensorForm[] HuggingFaceForms =
    [
        TensorForm.Split("ffn_gate_up_exps.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight"),
        TensorForm.Split("ffn_gate_up_shexp.weight", "ffn_gate_shexp.weight", "ffn_up_shexp.weight"),
    ];

    public override HuggingFaceFamily HuggingFace => new("granitemoe", "granitemoeshared", "granitemoehybrid")
    {
        Tensors = HuggingFaceTensors,
        Forms = HuggingFaceForms,
        Keys = GraniteHybrid.HuggingFaceKeys,
        Settings = Granite.HuggingFaceSettings + """

            expert_count u num_local_experts
            expert_shared_feed_forward_length u shared_intermediate_size
            """,
        Fits = config => config.String("model_type") is not "granitemoehybrid"
            || (!config.Names("layer_types").Contains("mamba") && config.Count("num_local_experts") > 0),
        Read = _ => { },
        Write = to =>
        {
            if (to.Number("expert_shared_feed_forward_length") > 0)
                to.Set("model_type", "granitemoeshared");
        },
    };

    public override RopePairs Pairs(ModelFileKind kind) => kind == ModelFileKind.Gguf ? RopePairs.Neighbours : RopePairs.Halves;

    public override string Keys => "logit_scale residual_scale embedding_scale expert_shared_count expert_shared_feed_forward_length";

    public override Config Refine(ConfigReader reader, Config common)
    {
        var scaled = Granite.Scaled(reader, common);
        var experts = reader.Experts(common.FeedForwardSize, normalize: true);
        return scaled with { Experts = experts with { Scale = experts.Scale * scaled.ResidualScale } };
    }
}
