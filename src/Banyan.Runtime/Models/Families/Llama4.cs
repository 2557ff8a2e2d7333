using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Llama 4 (ai.meta.com/blog, April 2025) as it reads text: every fourth layer has no positions, the others norm queries and keys when they
/// have turned; experts in some layers, which get their input as much as a sigmoid says, and one that is every row's.
/// </summary>
internal sealed class Llama4 : Family
{
    /// <summary>
    /// Beyond it layers with positions attend within chunks, and those without scale their queries. Neither is computed here, so contexts
    /// end before.
    /// </summary>
    const int Chunk = 8191;

    public override string Architecture => "llama4";

    public override string Covers => "Llama 4 Scout and Maverick, text, contexts of 8K";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override RopePairs Pairs(ModelFileKind kind) => RopePairs.Neighbours;

    public override string Keys => """
        expert_gating_func = 0 2
        interleave_moe_layer_step expert_shared_count expert_shared_feed_forward_length attention.chunk_size
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = Math.Min(reader.ContextLength, Chunk),
        Experts = reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: false) with { Sigmoid = true, ScalesInput = true },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static AttentionShape Shape(LayerLoader at) => (at.Index + 1) % 4 == 0 ? at.Config.Attention with { Rope = null }
        // Maverick, which has 128 experts, has no norms.
        : at.Config.Experts!.Count == 128 ? at.Config.Attention
        : at.Config.Attention with { Norm = QueryKeyNorm.Unit, NormAfterRope = true };
}
