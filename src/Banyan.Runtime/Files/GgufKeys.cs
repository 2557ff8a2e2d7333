namespace Banyan.Runtime.Files;

/// <summary>The keys under a GGUF file's architecture; see <see cref="ConfigKeys.Table"/> for how a line reads.</summary>
static class GgufKeys
{
    public static readonly IReadOnlyDictionary<string, string[]?> Table = ConfigKeys.Table("""
        hidden_act = silu swish
        hidden_activation = silu swish
        activation_function = silu swish
        feed_forward_activation = silu swish
        attention.causal = true
        attention.clamp_kqv = 0
        attention.max_alibi_bias = 0
        attention.relative_buckets_count = 0
        attention.q_lora_rank = 0
        attention.kv_lora_rank = 0
        attention.key_length_mla = 0
        attention.value_length_mla = 0
        attention.temperature_scale = 1
        attention.temperature_length = 0
        attn_logit_softcapping = 0
        final_logit_softcapping = 0
        logit_scale = 1
        embedding_scale = 1
        residual_scale = 1
        use_parallel_residual = false
        swin_norm = false
        no_rope_layer_interval = 0
        rope.dimension_sections = 0
        rope.scaling.yarn_log_multiplier = 0
        rope.scaling.yarn_ext_factor = -1 1
        expert_shared_count = 0
        expert_shared_feed_forward_length = 0
        expert_weights_scale = 0 1
        expert_gating_func = 0 1
        expert_group_count = 0 1
        expert_group_used_count = 0 1
        expert_group_scale = 0 1
        leading_dense_block_count = 0
        interleave_moe_layer_step = 0 1
        pooling_type = 0 1 2 3 4
        context_length embedding_length block_count feed_forward_length vocab_size tensor_data_layout
        attention.head_count attention.head_count_kv attention.key_length attention.value_length attention.layer_norm_rms_epsilon
        attention.scale attention.sliding_window attention.sliding_window_pattern
        rope.dimension_count rope.freq_base rope.scale_linear rope.scaling.type rope.scaling.factor rope.scaling.original_context_length
        rope.scaling.finetuned rope.scaling.attn_factor rope.scaling.low_freq_factor rope.scaling.high_freq_factor
        rope.scaling.yarn_beta_fast rope.scaling.yarn_beta_slow
        classifier.output_labels expert_count expert_used_count expert_feed_forward_length expert_weights_norm
        """);

    /// <summary>Prefixes of keys that describe the file, its origin and its tokenizer.</summary>
    public static readonly string[] Describing =
        ["general.", "tokenizer.", "split.", "quantize.", "imatrix.", "mradermacher.", "training."];
}
