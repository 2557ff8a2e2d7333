using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Gemma 3 (arXiv 2503.19786): norms before and after each block, GEGLU, and a window in all but every sixth layer, where positions turn
/// faster and are not stretched. GGUF's norm weights already hold the 1 that transformers adds.
/// </summary>
internal sealed class Gemma3 : Family
{
    public override string Architecture => "gemma3";

    public override string Covers => "Gemma 3 270M-27B, text";

    /// <summary>Its names for norms.</summary>
    internal static readonly IReadOnlyDictionary<string, string> Norms = new Dictionary<string, string>
    {
        ["post_attention_layernorm"] = "post_attention_norm",
        ["pre_feedforward_layernorm"] = "ffn_norm",
        ["post_feedforward_layernorm"] = "post_ffw_norm",
    };

    internal const string HuggingFaceKeys = """
        hidden_activation = gelu_pytorch_tanh
        hidden_act = gelu_pytorch_tanh
        query_pre_attn_scalar
        """;

    /// <summary>The defaults of transformers' Gemma3TextConfig; the published 4B relies on many of them.</summary>
    internal const string HuggingFaceDefaults = """
        {"tie_word_embeddings":true,"num_attention_heads":8,"num_key_value_heads":4,"head_dim":256,"rms_norm_eps":1e-06,"rope_theta":1000000.0,
         "rope_local_base_freq":10000.0,"query_pre_attn_scalar":256,"max_position_embeddings":131072,"vocab_size":262208,"sliding_window":4096}
        """;

    public override HuggingFaceFamily HuggingFace => new("gemma3_text", "gemma3")
    {
        HasWindow = true,
        Tensors = Norms,
        Keys = HuggingFaceKeys,
        Settings = "rope.freq_base_swa f rope_local_base_freq",
        Defaults = HuggingFaceDefaults,
        Forms = [TensorForm.PlusOne(["norm.weight"])],
        // EmbeddingGemma has the same type.
        Fits = config => !config.Names("architectures").Contains("Gemma3TextModel"),
        Read = ReadPositions(layers: 62),
        Write = to =>
        {
            WriteCommon(to, layers: 62);
            to.WindowTypes(usual: 6);
            to.Set("rope_local_base_freq", to.Float("rope.freq_base_swa", 10_000));
        },
    };

    internal static Action<HuggingFaceReading> ReadPositions(int layers) => from =>
    {
        CheckScale(layers)(from);
        if (from.Config.Object("rope_parameters")?.Object("sliding_attention") is { } windowed)
            from.Set("rope.freq_base_swa", windowed.Float("rope_theta"));
    };

    // GGUF has no key for the scale: it is the head size's, but for one model the width's that its heads would have.
    internal static Action<HuggingFaceReading> CheckScale(int layers) => from =>
    {
        var (scalar, heads) = (from.Config.Float("query_pre_attn_scalar"), from.Need("num_attention_heads"));
        var expected = from.Layers == layers ? from.Need("hidden_size") / (float)heads : from.Config.Count("head_dim")
            ?? from.Need("hidden_size") / heads;
        if (scalar is { } given && MathF.Abs(given - expected) > 0.5f)
            throw from.Refuse($"'query_pre_attn_scalar' is {given}, which is not implemented ({expected} is)");
    };

    internal static void WriteCommon(HuggingFaceWriting to, int layers)
    {
        to.Config.Remove("hidden_act");
        to.Set("hidden_activation", "gelu_pytorch_tanh");
        to.Set("query_pre_attn_scalar", to.Layers == layers ? to.Number("embedding_length") / to.Number("attention.head_count")
            : to.Number("attention.key_length"));
    }

    public override string Keys => """
        rope.freq_base_swa
        hidden_activation = gelu_pytorch_tanh
        final_logit_softcapping = 0
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        EmbeddingScale = MathF.Sqrt(common.EmbeddingSize),
        GateActivation = GateActivation.Gelu,
        Attention = common.Attention with
        {
            Norm = QueryKeyNorm.Head,
            // The 27B model scales by the width that its heads would have, not by the one they have.
            Scale = common.Layers == 62 ? 1 / MathF.Sqrt((float)common.EmbeddingSize / common.Heads) : common.Attention.Scale,
        },
    };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(Shape(at)), before: at.Norm("attn_norm"), after: at.Norm("post_attention_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm"), after: at.Norm("post_ffw_norm")));

    internal static AttentionShape Shape(LayerLoader at) =>
        !at.Keys.HasWindow(at.Index, usual: 6) ? at.Config.Attention : at.Config.Attention with
        {
            Window = at.Keys.Window,
            Rope = at.Config.Attention.Rope! with { Scaling = null, Theta = at.Keys.Number("rope.freq_base_swa", 1.0001, 1e12, 10_000) },
        };
}
