using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Ministral 3 (huggingface.co/mistralai): llama with YaRN, whose queries grow with their position behind the original context.
/// </summary>
internal sealed class Mistral3 : Family
{
    public override string Architecture => "mistral3";

    public override string Covers => "Ministral 3, Mistral Small 3.x";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override string Keys => "attention.temperature_scale rope.scaling.yarn_log_multiplier";

    public override Config Refine(ConfigReader reader, Config common)
    {
        var beta = (float)reader.Number("attention.temperature_scale", 0, 1e6, 0);
        var original = reader.Int("rope.scaling.original_context_length", 1, 1 << 30, common.ContextLength);
        return beta == 0 ? common : common with { Attention = common.Attention with { Temperature = new(beta, original) } };
    }
}
