using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Muse Glimmer: embeddings and blocks are normed on both sides, attention has a gate; three of four layers have a window and positions,
/// the fourth neither.
/// </summary>
internal sealed class MuseGlimmer : Family
{
    /// <summary>Of the norms after blocks, whatever the file says of the others.</summary>
    const float PostEpsilon = 1e-8f;

    public override string Architecture => "muse-glimmer";

    public override string Covers => "Muse Glimmer 30B";

    public override HuggingFaceFamily HuggingFace => new("muse_glimmer_text", "muse_glimmer")
    {
        HasWindow = true,
        Tensors = new Dictionary<string, string>
        {
            ["self_attn.gate_proj"] = "attn_gate",
            ["post_attention_layernorm"] = "post_attention_norm",
            ["pre_feedforward_layernorm"] = "ffn_norm",
            ["post_feedforward_layernorm"] = "post_ffw_norm",
        },
        Forms = [TensorForm.PlusOne([".attn_norm.weight", ".post_attention_norm.weight", ".ffn_norm.weight", ".post_ffw_norm.weight"])],
        Keys = "qk_scale_factor",
        Settings = """
            logit_scale f output_multiplier
            final_logit_softcapping f final_logit_softcapping
            """,
        Read = from =>
        {
            if (from.Config.Float("qk_scale_factor") is not { } scale)
                return;
            // In GGUF the weights of norms that have none.
            var (size, layers) = ((int)from.Need("head_dim"), from.Layers);
            for (var layer = 0; layer < layers; layer++)
            {
                from.AddTensor($"blk.{layer}.attn_q_norm.weight", [.. Enumerable.Repeat(scale, size)]);
                from.AddTensor($"blk.{layer}.attn_k_norm.weight", [.. Enumerable.Repeat(1f, size)]);
            }
        },
        Write = to =>
        {
            to.WindowTypes(usual: 4);
            to.Set("model_type", "muse_glimmer_text");
        },
    };

    public override RopePairs Pairs(ModelFileKind kind) => kind == ModelFileKind.Gguf ? RopePairs.Neighbours : RopePairs.Halves;

    public override string Keys => "logit_scale final_logit_softcapping";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        EmbeddingEpsilon = common.NormEpsilon,
        LogitScale = (float)reader.Number("logit_scale", 1e-6, 1e6, 1),
        LogitSoftCap = (float)reader.Number("final_logit_softcapping", 0, 1e6, 30),
        Attention = common.Attention with { Norm = QueryKeyNorm.Head, Gate = AttentionGate.Own },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm"), after: at.NormBy("post_attention_norm", PostEpsilon)),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm"), after: at.NormBy("post_ffw_norm", PostEpsilon)));

    static AttentionShape Shape(LayerLoader at) => at.Keys.HasWindow(at.Index, usual: 4)
        ? at.Config.Attention with { Window = at.Keys.Window }
        : at.Config.Attention with { Rope = null };
}
