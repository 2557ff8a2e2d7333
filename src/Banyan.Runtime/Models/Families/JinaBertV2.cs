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

    protected override Block FeedForward(LayerLoader at) => new GatedFeedForward(at, at.Config.FeedForwardSize);
}
