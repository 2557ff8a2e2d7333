using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Nemotron 3 (research.nvidia.com/labs/nemotron): Nemotron-H with experts without a gate, chosen by sigmoids with a bias; the larger ones
/// compute them in a narrower space.
/// </summary>
internal sealed class NemotronHMoe : NemotronH
{
    public override string Architecture => "nemotron_h_moe";

    public override string Covers => "Nemotron 3 Nano 30B-A3B, Super, Ultra";

    public override HuggingFaceFamily HuggingFace => new("nemotron_h")
    {
        Layers = "backbone.layers.",
        Tensors = HuggingFaceTensors,
        Forms = Mamba2Shape.HuggingFaceForms,
        Keys = HuggingFaceKeys,
        Settings = HuggingFaceSettings,
        Fits = config => config.Has("num_experts_per_tok"),
        Read = from =>
        {
            ReadHuggingFace(from, "moe_intermediate_size");
            from.Set("expert_gating_func", 2u);
        },
        Write = to =>
        {
            WriteHuggingFace(to, "moe_intermediate_size");
            to.Set("norm_topk_prob", to.Flag("expert_weights_norm", true));
        },
    };

    public override string Keys => base.Keys + """

        expert_gating_func = 0 2
        expert_weights_scale expert_shared_count expert_shared_feed_forward_length moe_latent_size
        """;

    public override Config Refine(ConfigReader reader, Config common) => base.Refine(reader, common) with
    {
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true) with
        {
            Sigmoid = true,
            Activation = GateActivation.SquaredRelu,
        },
    };

    protected override Block FeedForward(LayerLoader at, int width) =>
        new MixtureOfExperts(at, at.Config.Experts!, at.Config.Experts!.FeedForwardSize);
}
