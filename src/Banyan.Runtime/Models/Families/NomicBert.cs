using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>Nomic Embed (arXiv 2402.01613): BERT with rotary positions and SwiGLU.</summary>
internal sealed class NomicBert : Bert
{
    public override string Architecture => "nomic-bert";

    public override string Covers => "Nomic Embed v1, v1.5";

    public override HuggingFaceFamily HuggingFace => new("nomic_bert")
    {
        Layers = "encoder.layers.",
        Tensors = new Dictionary<string, string>
        {
            ["embeddings.word_embeddings.weight"] = "token_embd.weight",
            ["embeddings.token_type_embeddings.weight"] = "token_types.weight",
            ["emb_ln.weight"] = "token_embd_norm.weight",
            ["emb_ln.bias"] = "token_embd_norm.bias",
            ["attn.Wqkv"] = "attn_qkv",
            ["attn.out_proj"] = "attn_output",
            ["norm1"] = "attn_output_norm",
            ["mlp.fc11"] = "ffn_up",
            ["mlp.fc12"] = "ffn_gate",
            ["mlp.fc2"] = "ffn_down",
            ["norm2"] = "layer_output_norm",
        },
        Keys = """
            activation_function = swiglu
            causal = false
            prenorm = false
            parallel_block = false
            qkv_proj_bias = false
            mlp_fc1_bias = false
            mlp_fc2_bias = false
            rotary_emb_fraction = 1
            rotary_emb_interleaved = false
            rotary_emb_scale_base =
            rotary_scaling_factor
            use_rms_norm = false
            scale_attn_by_inverse_layer_idx = false
            use_xentropy fused_bias_fc fused_dropout_add_ln mlp_bias pad_vocab_size_multiple parallel_block_tied_norm reorder_and_upcast_attn
            scale_attn_weights summary_activation summary_first_dropout summary_proj_to_labels summary_type summary_use_proj type_vocab_size
            dense_seq_output fused_bias_mlp max_trained_positions rotary_emb_base layer_norm_epsilon auto_map last_layer_subset
            """,
        Settings = """
            context_length u n_positions
            embedding_length u n_embd
            block_count u n_layer
            feed_forward_length u n_inner
            attention.head_count u n_head
            rope.freq_base f rotary_emb_base
            """,
        Defaults = """{"type_vocab_size":2}""",
        Read = from =>
        {
            from.Set("attention.causal", false);
            from.SetToken("token_type_count", from.Need("type_vocab_size"));
            // Published with the length that they can be stretched to.
            if (from.Config.Count("n_positions") == 8192 && (from.Config.Count("max_trained_positions") ?? 2048) == 2048)
                from.Set("context_length", 2048u);
        },
        Write = to =>
        {
            to.Set("activation_function", "swiglu");
            to.Set("layer_norm_epsilon", to.Float("attention.layer_norm_epsilon"));
            to.Set("type_vocab_size", to.Tensors.Has("token_types.weight") ? to.Rows("token_types.weight") : 0);
            foreach (var flag in (string[])["causal", "prenorm", "qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", "rotary_emb_interleaved"])
                to.Set(flag, false);
        },
    };

    public override Config Refine(ConfigReader reader, Config common) => common;

    protected override Block FeedForward(LayerLoader at) => new GatedFeedForward(at, at.Config.FeedForwardSize);
}
