using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Nemotron-H (arXiv 2504.03624): each layer is one block: Mamba 2, attention without positions where it has KV heads, a feed-forward with
/// squared ReLU where it has a width.
/// </summary>
internal class NemotronH : Family
{
    public override string Architecture => "nemotron_h";

    public override string Covers => "Nemotron-H, Nemotron Nano v2";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    // The other epsilon is of the layers that guess ahead.
    public override string Keys => $"{Mamba2Shape.Keys} attention.layer_norm_epsilon";

    public override Config Refine(ConfigReader reader, Config common) => common with { Attention = common.Attention with { Rope = null } };

    public override Layer Layer(LayerLoader at) => new(new Residual(Block(at), before: at.Norm("attn_norm")));

    Block Block(LayerLoader at)
    {
        var kvHeads = at.Keys.Ints("attention.head_count_kv", 0, 1 << 14)[at.Index];
        var feedForward = at.Keys.Ints("feed_forward_length", 0, 1 << 22)[at.Index];
        return (kvHeads, feedForward) switch
        {
            (0, 0) => new Mamba2(at, Mamba2Shape.Read(at.Keys)),
            (_, 0) => at.Attention(at.Config.Attention with { KvHeads = kvHeads }),
            (0, _) => FeedForward(at, feedForward),
            _ => throw at.Keys.Refuse($"layer {at.Index} has both KV heads and a feed-forward: one block a layer is needed"),
        };
    }

    /// <summary>A layer's feed-forward.</summary>
    protected virtual Block FeedForward(LayerLoader at, int width) => new PlainFeedForward(at, width, PlainActivation.SquaredRelu);
}
