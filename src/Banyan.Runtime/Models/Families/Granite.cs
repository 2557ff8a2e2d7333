using Banyan.Runtime.Files;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Granite 3 and 4 (huggingface.co/ibm-granite): llama whose embeddings, residuals, scores and logits are scaled by constants of the file.
/// </summary>
internal sealed class Granite : Family
{
    public override string Architecture => "granite";

    public override string Covers => "Granite 3.x and 4.x dense";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override string Keys => "logit_scale residual_scale embedding_scale";

    public override Config Refine(ConfigReader reader, Config common) => Scaled(reader, common);

    /// <summary>The four constants.</summary>
    internal static Config Scaled(ConfigReader reader, Config common) => common with
    {
        EmbeddingScale = (float)reader.Number("embedding_scale", 1e-6, 1e6, 1),
        ResidualScale = (float)reader.Number("residual_scale", 1e-6, 1e6, 1),
        LogitScale = 1 / (float)reader.Number("logit_scale", 1e-6, 1e6, 1),
    };
}
