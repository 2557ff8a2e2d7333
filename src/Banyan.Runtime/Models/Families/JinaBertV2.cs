using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>Jina Embeddings 2 (arXiv 2310.19923): BERT with ALiBi in place of positions, and GEGLU.</summary>
internal sealed class JinaBertV2 : Bert
{
    public override string Architecture => "jina-bert-v2";

    public override string Covers => "Jina Embeddings v2";

    public override Config Refine(ConfigReader reader, Config common) => base.Refine(reader, common) with { GateActivation = GateActivation.Gelu };

    protected override Block Attention(LayerLoader at) => new EncoderAttention(at, at.Config.Attention, hasSlopes: true);

    // The gate is a matrix of its own, or lies in front of up; some models have none.
    protected override Block FeedForward(LayerLoader at) => !at.Has("ffn_gate.weight") && at.Rows("ffn_up") == at.Config.FeedForwardSize
        ? new PlainFeedForward(at, at.Config.FeedForwardSize, PlainActivation.Gelu)
        : new GatedFeedForward(at, at.Config.FeedForwardSize);
}
