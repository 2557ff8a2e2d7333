using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>Llama 4 (ai.meta.com/blog, April 2025), the text part: every fourth layer has no positions, the others norm queries and keys
/// when they have turned; experts in some layers, whose input is scaled by a sigmoid, and one shared expert.</summary>
internal sealed class Llama4 : Family
{
    /// <summary>
    /// Beyond it layers with positions attend within chunks, and those without scale their queries. Neither is computed here, so contexts
    /// end before.
    /// </summary>
    const int Chunk = 8191;

    public override string Architecture => "llama4";

    public override string Covers => "Llama 4 Scout and Maverick, text, contexts of 8K";

    public override HuggingFaceFamily HuggingFace => new("llama4_text", "llama4")
    {
        Tensors = new Dictionary<string, string>
        {
            ["feed_forward.gate_proj"] = "ffn_gate",
            ["feed_forward.up_proj"] = "ffn_up",
            ["feed_forward.down_proj"] = "ffn_down",
            ["feed_forward.router"] = "ffn_gate_inp",
            ["feed_forward.shared_expert.gate_proj"] = "ffn_gate_shexp",
            ["feed_forward.shared_expert.up_proj"] = "ffn_up_shexp",
            ["feed_forward.shared_expert.down_proj"] = "ffn_down_shexp",
            ["feed_forward.experts.gate_up_proj"] = "ffn_gate_up_exps.transposed",
            ["feed_forward.experts.down_proj"] = "ffn_down_exps.transposed",
        },
        Forms =
        [
            TensorForm.Transposed("ffn_gate_up_exps.transposed", "ffn_gate_up_exps.weight"),
            TensorForm.Transposed("ffn_down_exps.transposed", "ffn_down_exps.weight"),
            TensorForm.Split("ffn_gate_up_exps.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight"),
        ],
        Keys = """
            layer_types = chunked_attention full_attention
            no_rope_layers = 0 1
            no_rope_layer_interval = 4
            attn_temperature_tuning = true false 4
            attention_chunk_size
            num_local_experts
            use_qk_norm = true false
            rope_scaling.rope_type = default llama3
            moe_layers attn_scale floor_scale for_llm_compressor
            """,
        Settings = """
            feed_forward_length u intermediate_size_mlp
            expert_count u num_local_experts
            expert_feed_forward_length u intermediate_size
            interleave_moe_layer_step u interleave_moe_layer_step
            """,
        Defaults = """{"interleave_moe_layer_step":1}""",
        Read = _ => { },
        Write = to =>
        {
            to.Set("model_type", "llama4_text");
            to.Set("use_qk_norm", to.Number("expert_count") != 128);
        },
    };

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override string Keys => """
        expert_gating_func = 0 2
        interleave_moe_layer_step expert_shared_count expert_shared_feed_forward_length attention.chunk_size
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = Math.Min(reader.ContextLength, Chunk),
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: false)
            with
        { Sigmoid = true, ScalesInput = true },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static AttentionShape Shape(LayerLoader at) => (at.Index + 1) % 4 == 0 ? at.Config.Attention with { Rope = null }
        // Maverick, which has 128 experts, has no norms.
        : at.Config.Experts!.Count == 128 ? at.Config.Attention
        : at.Config.Attention with { Norm = QueryKeyNorm.Unit, NormAfterRope = true };
}
