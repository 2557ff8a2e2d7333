using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Falcon-H1 (arXiv 2507.22448): attention and Mamba 2 side by side in every layer. The multipliers of the original are folded into the
/// weights of GGUF.
/// </summary>
internal sealed class FalconH1 : Family
{
    public override string Architecture => "falcon-h1";

    public override string Covers => "Falcon-H1 0.5B-34B";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => Mamba2Shape.Keys;

    public override Layer Layer(LayerLoader at) => new(
        new Residual(new SideBySide(at.Attention(), new Mamba2(at, Mamba2Shape.Read(at.Keys))), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));
}
