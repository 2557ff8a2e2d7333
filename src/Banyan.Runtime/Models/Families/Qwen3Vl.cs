namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen3-VL (arXiv 2511.21631) as it reads text: Qwen3, as the three positions of a text token are one.
/// </summary>
internal sealed class Qwen3Vl : Family
{
    public override string Architecture => "qwen3vl";

    public override string Covers => "Qwen3-VL dense, text";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => "rope.dimension_sections n_deepstack_layers";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        Attention = common.Attention with { Norm = QueryKeyNorm.Head },
    };
}
