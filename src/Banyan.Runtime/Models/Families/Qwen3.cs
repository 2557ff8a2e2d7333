namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen3 (arXiv 2505.09388): Qwen2 without biases, with a norm on each query and key head; the head size is given explicitly.
/// </summary>
internal sealed class Qwen3 : Family
{
    public override string Architecture => "qwen3";

    public override string Covers => "Qwen3 dense";

    public override HuggingFaceFamily HuggingFace => new("qwen3") { Keys = "use_qk_norm = true" };

    public override Config Refine(ConfigReader reader, Config common) =>
        common with { Attention = common.Attention with { Norm = QueryKeyNorm.Head } };
}
