using System.Text.Json.Nodes;
using Banyan.Runtime.Embeddings;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// ModernBERT (arXiv 2412.13663): an encoder with norms before the blocks, rotary positions, GEGLU, and a window in two of three layers,
/// with a smaller rope theta.
/// </summary>
internal sealed class ModernBert : Family
{
    public override string Architecture => "modern-bert";

    public override string Covers => "ModernBERT, Granite Embedding R2, GTE ModernBERT";

    public override Pooling ScorePooling => Pooling.Mean;

    public override bool ScoresWithGelu => true;

    public override HuggingFaceFamily HuggingFace => new("modernbert")
    {
        Layers = "layers.",
        Tensors = new Dictionary<string, string>(
            from prefix in (string[])["", "model."]
            from pair in (KeyValuePair<string, string>[])
            [
                new("embeddings.tok_embeddings.weight", "token_embd.weight"), new("embeddings.norm.weight", "token_embd_norm.weight"),
                new("final_norm.weight", "output_norm.weight"),
            ]
            select KeyValuePair.Create(prefix + pair.Key, pair.Value))
        {
            ["attn.Wqkv"] = "attn_qkv",
            ["attn.Wo"] = "attn_output",
            ["attn_norm"] = "attn_norm",
            ["mlp.Wi"] = "ffn_up",
            ["mlp.Wo"] = "ffn_down",
            ["mlp_norm"] = "ffn_norm",
            ["head.dense.weight"] = "cls.weight",
            ["head.norm.weight"] = "cls.norm.weight",
            ["classifier.weight"] = "cls.output.weight",
            ["classifier.bias"] = "cls.output.bias",
            ["decoder.bias"] = "",
            ["decoder.weight"] = "",
        },
        Keys = """
            hidden_activation = gelu
            classifier_activation = gelu
            position_embedding_type = absolute sans_pos
            norm_bias = false
            layer_types
            global_rope_theta local_rope_theta classifier_bias classifier_dropout classifier_pooling cls_token_id decoder_bias deterministic_flash_attn
            embedding_dropout gradient_checkpointing initializer_cutoff_factor mlp_dropout norm_eps reference_compile repad_logits_with_grad
            sparse_pred_ignore_index sparse_prediction layer_norm_eps local_attention global_attn_every_n_layers
            """,
        Settings = """
            attention.sliding_window u local_attention
            attention.sliding_window_pattern u global_attn_every_n_layers
            rope.freq_base f global_rope_theta
            rope.freq_base_swa f local_rope_theta
            """,
        Defaults =
            """{"norm_eps":1e-05,"local_attention":128,"global_attn_every_n_layers":3,"global_rope_theta":160000.0,"local_rope_theta":10000.0}""",
        // What a masked language model adds is not read.
        Forms = [TensorForm.Dropped((set, name) => set.Number("pooling_type") != 4 && name.StartsWith("cls.", StringComparison.Ordinal))],
        Read = from =>
        {
            from.Set("attention.causal", false);
            if (from.Config.Object("rope_parameters") is { } rope)
            {
                from.Set("rope.freq_base", rope.Object("full_attention")?.Float("rope_theta") ?? 160_000f);
                from.Set("rope.freq_base_swa", rope.Object("sliding_attention")?.Float("rope_theta") ?? 10_000f);
            }
            if (from.Config.Names("architectures").Any(a => a.EndsWith("ForSequenceClassification", StringComparison.Ordinal)))
                from.Set("pooling_type", 4u);
        },
        Write = to =>
        {
            to.Set("hidden_activation", "gelu");
            to.Set("norm_eps", to.Float("attention.layer_norm_epsilon"));
            to.Set("global_attn_every_n_layers", to.Number("attention.sliding_window_pattern", 3));
            to.Set("global_rope_theta", to.Float("rope.freq_base", 160_000));
            to.Set("local_rope_theta", to.Float("rope.freq_base_swa", 10_000));
            if (to.Number("pooling_type") == 4)
                to.Set("architectures", new JsonArray("ModernBertForSequenceClassification"));
        },
    };

    public override bool IsEncoder => true;

    public override bool HasLayerNorm => true;

    public override string Keys => """
        attention.causal = false
        hidden_activation = gelu
        attention.layer_norm_epsilon rope.freq_base_swa classifier.output_labels
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        GateActivation = GateActivation.Gelu,
    };

    // The first layer has no norm before its attention: the embeddings have one.
    public override Layer Layer(LayerLoader at) => new(
        new Residual(new EncoderAttention(at, Shape(at)), before: at.Has("attn_norm.weight") ? at.Norm("attn_norm") : null),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    static AttentionShape Shape(LayerLoader at) => !HasWindow(at) ? at.Config.Attention : at.Config.Attention with
    {
        Window = at.Keys.Window,
        Rope = at.Config.Attention.Rope! with { Theta = at.Keys.Number("rope.freq_base_swa", 1.0001, 1e12, 10_000) },
    };

    // Every third layer, from the first on, sees all.
    static bool HasWindow(LayerLoader at) => at.Keys.Window > 0 && (at.Keys.IsArray("attention.sliding_window_pattern")
        ? at.Keys.HasWindow(at.Index, usual: 3)
        : at.Index % at.Keys.Int("attention.sliding_window_pattern", 1, 1 << 12, 3) != 0);
}
