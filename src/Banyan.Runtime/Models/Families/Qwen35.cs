using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen3.5 (and 3.6, 3.8) as it reads text: three of four layers are gated delta nets (arXiv 2412.06464), the fourth is attention with a gate.
/// Layers that guess the tokens after the next are not computed.
/// </summary>
internal class Qwen35 : Family
{
    public override string Architecture => "qwen35";

    public override string Covers => "Qwen3.5, 3.6 and 3.8 dense, text";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

    public override string Keys => $"{Mamba2Shape.Keys} full_attention_interval attention.recurrent_layers rope.dimension_sections nextn_predict_layers";

    /// <summary>Whether value heads lie by key heads that they share, one after the other; else neighbours share one.</summary>
    protected virtual bool Tiled => true;

    public override Config Refine(ConfigReader reader, Config common) => Mixed(reader, common);

    /// <summary>What all of them have in common.</summary>
    protected static Config Mixed(ConfigReader reader, Config common) => common with
    {
        Layers = common.Layers - reader.Int("nextn_predict_layers", 0, common.Layers - 1, 0),
        Attention = common.Attention with { Norm = QueryKeyNorm.Head, Gate = AttentionGate.InQuery },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(Mixer(at), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("post_attention_norm")));

    Block Mixer(LayerLoader at)
    {
        if (!IsRecurrent(at))
            return at.Attention();
        var keys = at.Keys;
        var (inner, heads, groups, size) = (keys.Int("ssm.inner_size", 1, 1 << 20), keys.Int("ssm.time_step_rank", 1, 1 << 14), keys.Int("ssm.group_count", 1, 1 << 14),
            keys.Int("ssm.state_size", 1, 1 << 12));
        if (inner != heads * size || heads % groups != 0)
            throw keys.Refuse($"{heads} value heads of {size} on {groups} key heads do not make a width of {inner}");
        return new GatedDeltaNet(at, new DeltaNetShape(groups, heads, size, keys.Int("ssm.conv_kernel", 2, 64), Tiled));
    }

    static bool IsRecurrent(LayerLoader at) => at.Keys.Has("attention.recurrent_layers")
        ? at.Keys.Flags("attention.recurrent_layers")[at.Index]
        : (at.Index + 1) % at.Keys.Int("full_attention_interval", 1, 1 << 12, 4) != 0;
}
