using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// BERT (arXiv 1810.04805) and XLM-RoBERTa: an encoder whose norms stand behind the blocks, on the stream itself; positions are embeddings.
/// </summary>
internal class Bert : Family
{
    public override string Architecture => "bert";

    public override string Covers => "BERT, MiniLM, BGE, E5, Arctic Embed, bge-reranker";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override bool IsEncoder => true;

    public override bool HasLayerNorm => true;

    public override string Keys => """
        attention.causal = false
        attention.layer_norm_epsilon
        classifier.output_labels
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with { Attention = common.Attention with { Rope = null } };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(Attention(at), before: null) { Then = at.Norm("attn_output_norm") },
        new Residual(FeedForward(at), before: null) { Then = at.Norm("layer_output_norm") });

    protected virtual Block Attention(LayerLoader at) => new EncoderAttention(at, at.Config.Attention);

    protected virtual Block FeedForward(LayerLoader at) => new PlainFeedForward(at, at.Config.FeedForwardSize, PlainActivation.Gelu);
}
