namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Phi-3 and Phi-4 (arXiv 2404.14219, 2412.08905): query, key and value in one matrix, gate and up in another; a part of each head turns,
/// and for contexts beyond the original by other factors (LongRoPE, arXiv 2402.13753).
/// </summary>
internal sealed class Phi3 : Family
{
    public override string Architecture => "phi3";

    public override string Covers => "Phi-3, Phi-3.5 and Phi-4 (mini)";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new()
    {
        Tensors = new Dictionary<string, string> { ["self_attn.qkv_proj"] = "attn_qkv", ["mlp.gate_up_proj"] = "ffn_up" }, // by which adapters name them
    };

    public override Config Refine(ConfigReader reader, Config common)
    {
        var rope = common.Attention.Rope!;
        var original = reader.Int("rope.scaling.original_context_length", 1, 1 << 30, common.ContextLength);
        // One set of factors for a whole sequence, as its keys are kept turned: by the context that the model was opened for.
        var factors = reader.FrequencyFactors(
            reader.OpenedContextLength > original ? "rope_factors_long.weight" : "rope_factors_short.weight", rope.Dimensions);
        return common with
        {
            Attention = common.Attention with
            {
                Rope = rope with
                {
                    Scaling = null,
                    FrequencyFactors = factors,
                    AttentionFactor = factors is null ? 1 : reader.Number("rope.scaling.attn_factor", 1e-6, 1e6, 1),
                },
            },
        };
    }
}
