using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// LFM2 (arXiv 2511.23404): short convolutions, with attention in some layers. Which ones the file says by their KV heads: none is a
/// convolution.
/// </summary>
internal sealed class Lfm2 : Family
{
    public override string Architecture => "lfm2";

    public override string Covers => "LFM2, LFM2.5 dense";

    // Its folders are not read yet: other names, and a convolution of three dimensions.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => "shortconv.l_cache";

    // The name it has in GGUF, where it is the norm behind the last layer.
    public override string OutputNorm => "token_embd_norm";

    public override Config Refine(ConfigReader reader, Config common) =>
        common with { Attention = common.Attention with { Norm = QueryKeyNorm.Head } };

    public override Layer Layer(LayerLoader at) => Mixed(at);

    internal static Layer Mixed(LayerLoader at) => new(
        new Residual(Mixer(at), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static Block Mixer(LayerLoader at) => at.Keys.Ints("attention.head_count_kv", 0, 1 << 14)[at.Index] is > 0 and var kvHeads
        ? at.Attention(at.Config.Attention with { KvHeads = kvHeads })
        : new ShortConvolution(at, at.Keys.Int("shortconv.l_cache", 2, 64));
}
