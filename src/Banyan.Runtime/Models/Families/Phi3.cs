using System.Text.Json.Nodes;
using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Phi-3 and Phi-4 (arXiv 2404.14219, 2412.08905): query, key and value in one matrix, gate and up in another; a part of each head is
/// rotated, and for contexts beyond the original by other factors (LongRoPE, arXiv 2402.13753).
/// </summary>
internal sealed class Phi3 : Family
{
    public override string Architecture => "phi3";

    public override string Covers => "Phi-3, Phi-3.5 and Phi-4 (mini)";

    public override HuggingFaceFamily HuggingFace => new("phi3")
    {
        HasWindow = true,
        Tensors = new Dictionary<string, string> { ["self_attn.qkv_proj"] = "attn_qkv", ["mlp.gate_up_proj"] = "ffn_up" },
        Keys = """
            partial_rotary_factor
            rope_scaling.short_factor
            rope_scaling.long_factor
            rope_scaling.partial_rotary_factor
            embd_layer
            img_processor
            """,
        Read = from =>
        {
            // What the model was made for has its factors; beyond, others (and another scale for everything).
            var (rope, context) = (from.Rope(), (double)from.Need("max_position_embeddings"));
            var original = from.Config.Count("original_max_position_embeddings") ?? rope?.Count("original_max_position_embeddings");
            if (from.Floats(rope, "long_factor") is not { } longer || from.Floats(rope, "short_factor") is not { } shorter)
                return;
            if (original is null or < 2)
                throw from.Refuse("it has 'long_factor', but no 'original_max_position_embeddings'; get the model's own config.json");
            from.Set("rope.scaling.original_context_length", original);
            var stretch = context / original.Value;
            from.Set("rope.scaling.attn_factor",
                rope!.Float("attention_factor") ?? (stretch > 1 ? (float)Math.Sqrt(1 + Math.Log(stretch) / Math.Log(original.Value)) : 1f));
            from.AddTensor("rope_factors_long.weight", longer);
            from.AddTensor("rope_factors_short.weight", shorter);
        },
        Write = to =>
        {
            to.Set("partial_rotary_factor", to.Number("rope.dimension_count", to.Number("attention.key_length"))
                / (double)to.Number("attention.key_length", to.Number("embedding_length") / to.Number("attention.head_count")));
            to.Config.Remove("rope_scaling");
            if (to.Take("rope_factors_long.weight") is not { } longer || to.Take("rope_factors_short.weight") is not { } shorter)
                return;
            to.Set("original_max_position_embeddings", to.Number("rope.scaling.original_context_length"));
            to.Set("rope_scaling",
                new JsonObject
                {
                    ["type"] = "longrope",
                    ["rope_type"] = "longrope",
                    ["long_factor"] = longer,
                    ["short_factor"] = shorter,
                    ["attention_factor"] = to.Float("rope.scaling.attn_factor", 1)
                });
        },
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
