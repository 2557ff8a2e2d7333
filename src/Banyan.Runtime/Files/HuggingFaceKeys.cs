namespace Banyan.Runtime.Files;

/// <summary>The keys of transformers' config.json; see <see cref="ConfigKeys.Table"/> for how a line reads.</summary>
static class HuggingFaceKeys
{
    public static readonly IReadOnlyDictionary<string, string[]?> Table = ConfigKeys.Table("""
        hidden_act = silu swish
        hidden_activation = silu swish
        activation_function = silu swish
        activation = silu swish
        mlp_hidden_act = silu swish
        layer_types = full_attention sliding_attention
        position_embedding_type = rope rotary
        partial_rotary_factor = 1
        rotary_pct = 1
        rope_interleave = false
        rope_interleaved = false
        use_rope = true
        no_rope_layers =
        no_rope_layer_interval = 0
        rope_local_base_freq =
        is_causal = true
        use_bidirectional_attention = false
        is_encoder_decoder = false
        add_cross_attention = false
        alibi = false
        attention_chunk_size =
        attn_temperature_tuning = false
        attn_logit_softcapping =
        final_logit_softcapping =
        query_pre_attn_scalar =
        clip_qkv =
        qk_layernorm = false
        use_qk_norm = false
        embedding_multiplier = 1
        residual_multiplier = 1
        attention_multiplier =
        logits_scaling = 1
        logit_scale = 1
        lm_head_multiplier = 1
        scale_emb = 1
        scale_depth =
        dim_model_base =
        use_parallel_residual = false
        parallel_attn = false
        norm_type = rmsnorm rms_norm
        rms_norm_add_unit_offset = false
        v_head_dim =
        q_lora_rank =
        kv_lora_rank =
        decoder_sparse_step = 1
        mlp_only_layers =
        first_k_dense_replace = 0
        moe_layer_freq = 1
        num_local_experts = 0 1
        n_routed_experts = 0
        n_shared_experts = 0
        num_shared_experts = 0
        shared_expert_intermediate_size = 0
        scoring_func = softmax
        topk_method = greedy
        n_group = 1
        topk_group = 1
        routed_scaling_factor = 1
        tie_encoder_decoder = false
        quantization =
        rope_scaling.partial_rotary_factor = 1
        rope_scaling.mscale =
        rope_scaling.mscale_all_dim =
        rope_scaling.mrope_section =
        rope_scaling.mrope_interleaved = false
        rope_scaling.short_factor =
        rope_scaling.long_factor =
        rope_scaling.truncate = true
        rope_scaling.rope_type rope_scaling.type rope_scaling.factor rope_scaling.original_max_position_embeddings rope_scaling.rope_theta
        rope_scaling.low_freq_factor rope_scaling.high_freq_factor rope_scaling.attention_factor rope_scaling.beta_fast rope_scaling.beta_slow
        rope_scaling.finetuned
        model_type hidden_size num_attention_heads num_key_value_heads num_hidden_layers head_dim intermediate_size max_position_embeddings
        rms_norm_eps rope_theta rope_scaling rope_parameters vocab_size tie_word_embeddings use_sliding_window sliding_window max_window_layers
        num_experts num_experts_per_tok moe_intermediate_size norm_topk_prob quantization_config bos_token_id eos_token_id pad_token_id unk_token_id
        vision_config audio_config text_config image_token_id video_token_id vision_start_token_id vision_end_token_id image_token_index
        boi_token_index eoi_token_index mm_tokens_per_image vision_soft_tokens_per_image spatial_merge_size projector_hidden_act
        multimodal_projector_bias vision_feature_layer sliding_window_pattern tie_embedding num_labels layer_norm_eps
        attention_bias mlp_bias qkv_bias use_qkv_bias use_bias bias
        architectures _name_or_path name_or_path torch_dtype dtype transformers_version tokenizer_class use_cache initializer_range pretraining_tp
        attention_dropout attn_dropout hidden_dropout embd_pdrop resid_pdrop attn_pdrop dropout router_aux_loss_coef output_router_logits
        router_jitter_noise aux_loss_alpha seq_aux rope_theta_scaling max_sequence_length model_max_length seq_length original_max_position_embeddings
        _attn_implementation _attn_implementation_autoset attn_implementation _flash_attn_2_enabled use_flash_attn is_decoder chunk_size_feed_forward
        unsloth_version unsloth_fixed unsloth_training_args id2label label2id problem_type task_specific_params finetuning_task prefix
        return_dict output_attentions output_hidden_states torchscript use_bfloat16 tf_legacy_loss pruned_heads cross_attention_hidden_size
        decoder_start_token_id sep_token_id forced_bos_token_id forced_eos_token_id suppress_tokens begin_suppress_tokens
        max_length min_length do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature top_k top_p typical_p
        repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids num_return_sequences
        output_scores return_dict_in_generate remove_invalid_values exponential_decay_length_penalty
        """);
}
