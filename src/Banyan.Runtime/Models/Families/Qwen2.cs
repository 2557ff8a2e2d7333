namespace Banyan.Runtime.Models.Families;

/// <summary>Qwen2 (arXiv 2407.10671): grouped queries, biases on query, key and value, SwiGLU.</summary>
internal sealed class Qwen2 : Family
{
    public override string Architecture => "qwen2";

    public override string Covers => "Qwen2, Qwen2.5, Qwen2.5-Coder, QwQ";

    public override IReadOnlyList<string> ShapedTypes => [Architecture];

    public override bool HasProjectionBias => true;
}
