using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>Ministral 3 (huggingface.co/mistralai): llama with YaRN, whose queries are scaled by their position beyond the original
/// context.</summary>
internal sealed class Mistral3 : Family
{
    public override string Architecture => "mistral3";

    public override string Covers => "Ministral 3, Mistral Small 3.x";

    public override HuggingFaceFamily HuggingFace => new("mistral3", "ministral3")
    {
        HasWindow = true,
        Keys = """
            rope_scaling.mscale = 1
            rope_scaling.mscale_all_dim
            rope_scaling.llama_4_scaling_beta
            """,
        Read = from =>
        {
            from.Set("rope.scaling.yarn_log_multiplier", from.Rope()?.Float("mscale_all_dim"));
            from.Set("attention.temperature_scale", from.Rope()?.Float("llama_4_scaling_beta"));
        },
        Write = to =>
        {
            to.Set("model_type", "ministral3");
            if (to.Float("rope.scaling.yarn_log_multiplier") is > 0 and var multiplier)
                to.Rope["mscale_all_dim"] = multiplier;
            if (to.Float("attention.temperature_scale") is > 0 and var beta)
                to.Rope["llama_4_scaling_beta"] = beta;
        },
    };

    public override RopePairs Pairs(ModelFileKind kind) => kind == ModelFileKind.Gguf ? RopePairs.Neighbours : RopePairs.Halves;

    public override string Keys => "attention.temperature_scale rope.scaling.yarn_log_multiplier";

    public override Config Refine(ConfigReader reader, Config common)
    {
        var beta = (float)reader.Number("attention.temperature_scale", 0, 1e6, 0);
        var original = reader.Int("rope.scaling.original_context_length", 1, 1 << 30, common.ContextLength);
        return beta == 0 ? common : common with { Attention = common.Attention with { Temperature = new(beta, original) } };
    }
}
