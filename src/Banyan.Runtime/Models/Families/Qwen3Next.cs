namespace Banyan.Runtime.Models.Families;

/// <summary>Qwen3-Next (qwen.ai/blog, September 2025): as Qwen3.5 with experts; neighbouring value heads share a key head.</summary>
internal sealed class Qwen3Next : Qwen35Moe
{
    public override string Architecture => "qwen3next";

    public override string Covers => "Qwen3-Next-80B-A3B, Qwen3-Coder-Next";

    protected override bool Tiled => false;
}
