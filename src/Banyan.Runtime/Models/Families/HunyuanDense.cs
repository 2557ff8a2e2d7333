namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Hunyuan (github.com/Tencent-Hunyuan): llama whose query and key heads are normed when they have turned.
/// </summary>
internal sealed class HunyuanDense : Family
{
    public override string Architecture => "hunyuan-dense";

    public override string Covers => "Hunyuan 0.5-7B";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override Config Refine(ConfigReader reader, Config common) => common with { Attention = Normed(common.Attention) };

    internal static AttentionShape Normed(AttentionShape shape) => shape with { Norm = QueryKeyNorm.Head, NormAfterRope = true };
}
