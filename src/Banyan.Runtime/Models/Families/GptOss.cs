using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// gpt-oss (arXiv 2508.10925): attention with sinks, and a window in every other layer; experts with biases, whose weights are a softmax
/// over the chosen, and whose SwiGLU is clamped.
/// </summary>
internal sealed class GptOss : Family
{
    public override string Architecture => "gpt-oss";

    public override string Covers => "gpt-oss-20b, 120b";

    public override HuggingFaceFamily HuggingFace => new("gpt_oss")
    {
        HasWindow = true,
        Tensors = new Dictionary<string, string>
        {
            ["post_attention_layernorm"] = "post_attention_norm",
            ["self_attn.sinks"] = "attn_sinks.weight",
            ["mlp.router"] = "ffn_gate_inp",
            // In MXFP4 experts lie as everywhere, in BF16 the other way round.
            ["mlp.experts.gate_up_proj"] = "ffn_gate_up_exps.transposed",
            ["mlp.experts.gate_up_proj.weight"] = "ffn_gate_up_exps.weight",
            ["mlp.experts.gate_up_proj_bias"] = "ffn_gate_up_exps.bias",
            ["mlp.experts.down_proj"] = "ffn_down_exps.transposed",
            ["mlp.experts.down_proj.weight"] = "ffn_down_exps.weight",
            ["mlp.experts.down_proj_bias"] = "ffn_down_exps.bias",
        },
        Keys = """
            num_local_experts
            experts_per_token
            swiglu_limit = 7
            rope_scaling.truncate
            initial_context_length
            """,
        Settings = """
            expert_count u num_local_experts|num_experts
            expert_used_count u num_experts_per_tok|experts_per_token
            expert_feed_forward_length u intermediate_size
            """,
        Forms =
        [
            TensorForm.Transposed("ffn_gate_up_exps.transposed", "ffn_gate_up_exps.weight"),
            TensorForm.Transposed("ffn_down_exps.transposed", "ffn_down_exps.weight"),
            TensorForm.Interleaved("ffn_gate_up_exps.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight"),
            TensorForm.Interleaved("ffn_gate_up_exps.bias", "ffn_gate_exps.bias", "ffn_up_exps.bias"),
        ],
        Read = from => from.Set("feed_forward_length", from.Need("intermediate_size")),
        Write = to =>
        {
            to.WindowTypes(usual: 2);
            to.Set("intermediate_size", to.Number("expert_feed_forward_length"));
            to.Set("attention_bias", true);
        },
    };

    public override string Keys => "expert_gating_func = 0 3";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        Attention = common.Attention with { HasSinks = true },
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: false) with
        {
            SoftmaxOfChosen = true,
            Activation = GateActivation.ClampedSwish,
        },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("post_attention_norm")));

    static AttentionShape Shape(LayerLoader at) =>
        at.Config.Attention with { Window = at.Keys.HasWindow(at.Index, usual: 2) ? at.Keys.Window : 0 };
}
