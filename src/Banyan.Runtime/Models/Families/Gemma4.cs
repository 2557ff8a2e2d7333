using System.Text.Json.Nodes;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Gemma 4 (ai.google.dev/gemma), the text part: as Gemma 3, with heads of another size in windowed layers, values that are normed, and,
/// by size, embeddings of each token for each layer, layers that read the keys of earlier ones, or experts beside the feed-forward.
/// </summary>
internal sealed class Gemma4 : Family
{
    public override string Architecture => "gemma4";

    public override string Covers => "Gemma 4 E2B-31B and 26B-A4B, text";

    public override (string Name, bool HasMerges) PieceTokenizer => ("gemma4", true);

    public override bool HasOwnRopeFactors => true;

    public override HuggingFaceFamily HuggingFace => new("gemma4_text", "gemma4")
    {
        HasWindow = true,
        Tensors = new Dictionary<string, string>(Gemma3.Norms)
        {
            ["per_layer_input_gate"] = "inp_gate",
            ["per_layer_projection"] = "proj",
            ["post_per_layer_input_norm"] = "post_norm",
            ["layer_scalar"] = "layer_output_scale.weight",
            ["router.proj"] = "ffn_gate_inp",
            ["router.scale"] = "ffn_gate_inp.scale",
            ["router.per_expert_scale"] = "ffn_down_exps.scale",
            ["experts.gate_up_proj"] = "ffn_gate_up_exps.weight",
            ["experts.down_proj"] = "ffn_down_exps.weight",
            ["post_feedforward_layernorm_1"] = "post_ffw_norm_1",
            ["pre_feedforward_layernorm_2"] = "pre_ffw_norm_2",
            ["post_feedforward_layernorm_2"] = "post_ffw_norm_2",
            ["model.embed_tokens_per_layer.weight"] = "per_layer_token_embd.weight",
            ["model.per_layer_model_projection.weight"] = "per_layer_model_proj.weight",
            ["model.per_layer_projection_norm.weight"] = "per_layer_proj_norm.weight",
        },
        Keys = """
            hidden_activation = gelu_pytorch_tanh
            use_bidirectional_attention = false vision
            rope_scaling.rope_type = default proportional
            rope_scaling.partial_rotary_factor
            num_experts
            global_head_dim num_global_key_value_heads attention_k_eq_v use_double_wide_mlp vocab_size_per_layer_input enable_moe_block
            """,
        Settings = """
            final_logit_softcapping f final_logit_softcapping
            attention.shared_kv_layers u num_kv_shared_layers
            embedding_length_per_layer_input u hidden_size_per_layer_input
            attention.key_length u global_head_dim|head_dim
            attention.key_length_swa u head_dim
            expert_used_count u top_k_experts
            expert_feed_forward_length u moe_intermediate_size|expert_intermediate_size
            """,
        Defaults =
            """{"tie_word_embeddings":true,"num_kv_shared_layers":0,"hidden_size_per_layer_input":0,"final_logit_softcapping":30.0}""",
        // Layers that read the keys of earlier ones have matrices all the same, which nothing reads.
        Forms = [TensorForm.Dropped((set, name) => TensorSet.LayerOf(name) is >= 0 and var layer
            && layer >= set.Number("block_count") - set.Number("attention.shared_kv_layers")
            && (name.Contains(".attn_k", StringComparison.Ordinal) || name.Contains(".attn_v", StringComparison.Ordinal)))],
        Read = ReadHuggingFace,
        Write = WriteHuggingFace,
    };

    static void ReadHuggingFace(HuggingFaceReading from)
    {
        var (config, layers) = (from.Config, from.Layers);
        var size = config.Count("global_head_dim") ?? from.Need("head_dim");
        var windowed = from.Need("head_dim");
        from.Set("attention.value_length", size);
        from.Set("attention.value_length_swa", windowed);
        from.Set("rope.dimension_count", size);
        var (all, near) = (config.Object("rope_parameters")?.Object("full_attention"),
            config.Object("rope_parameters")?.Object("sliding_attention"));
        from.Set("rope.freq_base", all?.Float("rope_theta") ?? 1_000_000f);
        from.Set("rope.freq_base_swa", near?.Float("rope_theta") ?? 10_000f);
        from.Set("rope.dimension_count_swa", (uint)(windowed * (near?.Float("partial_rotary_factor") ?? 1)));
        // A part of each head's pairs turns; the others as if they stood.
        var turned = (int)(size * (all?.Float("partial_rotary_factor") ?? (all?.String("rope_type") == "proportional" ? 0.25f : 1)) / 2);
        if (turned < size / 2)
            from.AddTensor("rope_freqs.weight", [.. Enumerable.Range(0, (int)size / 2).Select(i => i < turned ? 1 : 1e30f)]);
        var types = from.LayerTypes ?? throw from.Refuse("it has no 'layer_types'; get the model's own config.json");
        if (config.Count("num_global_key_value_heads") is { } global)
            from.Set("attention.head_count_kv",
                types.Select(t => (int)(t == "sliding_attention" ? from.Need("num_key_value_heads") : global)).ToArray());
        if (config.Counts("intermediate_size") is { Length: > 1 } widths)
            from.Set("feed_forward_length", widths.Select(w => (int)w).ToArray());
        else if (config.Bool("use_double_wide_mlp") == true)
            from.Set("feed_forward_length", Enumerable.Range(0, layers)
                .Select(i => (int)from.Need("intermediate_size") * (i < layers - (config.Count("num_kv_shared_layers") ?? 0) ? 1 : 2))
                .ToArray());
        if (config.Count("num_experts") is null or 0)
            foreach (var key in (string[])["expert_count", "expert_used_count", "expert_feed_forward_length"])
                from.Remove(key);
    }

    static void WriteHuggingFace(HuggingFaceWriting to)
    {
        to.WindowTypes(usual: 6);
        to.Config.Remove("hidden_act");
        to.Set("hidden_activation", "gelu_pytorch_tanh");
        to.Set("head_dim", to.Number("attention.key_length_swa"));
        to.Set("global_head_dim", to.Number("attention.key_length"));
        var kv = to.Numbers("attention.head_count_kv");
        var types = to.Config["layer_types"]?.AsArray().Select(t => (string)t!).ToArray() ?? [];
        for (var i = 0; i < types.Length; i++)
            to.Set(types[i] == "sliding_attention" ? "num_key_value_heads" : "num_global_key_value_heads", kv[i]);
        var widths = to.Numbers("feed_forward_length");
        var shared = to.Number("attention.shared_kv_layers");
        to.Set("intermediate_size", widths[0]);
        // Twice as wide in layers that read the keys of others; anything else as a list, as Gemma 3n has it.
        if (widths.Any(w => w != widths[0]) && widths.Where((w, i) => w != (i < to.Layers - shared ? widths[0] : 2 * widths[0])).Any())
            to.Set("intermediate_size", to.Array(widths));
        else
            to.Set("use_double_wide_mlp", widths.Any(w => w != widths[0]));
        to.Set("enable_moe_block", to.Number("expert_count") > 0);
        to.Set("attention_k_eq_v", to.Number("expert_count") > 0);
        var factors = to.Take("rope_freqs.weight");
        var share = factors is null ? 1 : factors.Count(f => f!.GetValue<double>() < 1e29) / (double)factors.Count;
        to.Config.Remove("rope_theta");
        to.Config["rope_parameters"] = new JsonObject
        {
            ["full_attention"] = new JsonObject
            {
                ["rope_type"] = share < 1 ? "proportional" : "default",
                ["rope_theta"] = to.Float("rope.freq_base", 1_000_000),
                ["partial_rotary_factor"] = share
            },
            ["sliding_attention"] = new JsonObject { ["rope_type"] = "default", ["rope_theta"] = to.Float("rope.freq_base_swa", 10_000) },
        };
    }

    public override string Keys => """
        rope.freq_base_swa rope.dimension_count_swa attention.key_length_swa attention.value_length_swa attention.shared_kv_layers
        embedding_length_per_layer_input final_logit_softcapping
        hidden_activation = gelu_pytorch_tanh
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        ContextLength = reader.ContextLength, // the window is not all layers'
        EmbeddingScale = MathF.Sqrt(common.EmbeddingSize),
        GateActivation = GateActivation.Gelu,
        LogitSoftCap = (float)reader.Number("final_logit_softcapping", 0, 1e6, 30),
        Attention = common.Attention with { Norm = QueryKeyNorm.Head, NormsValues = true, Scale = 1 },
        Experts = reader.Int("expert_count", 0, 1 << 14, 0) == 0 ? null
            : reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true)
            with
            { Activation = GateActivation.Gelu },
    };

    public override Layer Layer(LayerLoader at)
    {
        var feedForward = at.Keys.Ints("feed_forward_length", 1, 1 << 22)[at.Index];
        var residuals = new List<Residual>
        {
            new(at.Attention(Shape(at), KeysOf(at)), before: at.Norm("attn_norm"), after: at.Norm("post_attention_norm")),
            at.Config.Experts is not null && at.Has("ffn_gate_inp.weight")
                ? new Residual(new Gemma4Experts(at, feedForward), before: null, after: at.Norm("post_ffw_norm"))
                : new Residual(new GatedFeedForward(at, feedForward), before: at.Norm("ffn_norm"), after: at.Norm("post_ffw_norm")),
        };
        if (at.Keys.Int("embedding_length_per_layer_input", 0, 1 << 14, 0) is > 0 and var width)
            residuals.Add(new Residual(new PerLayerInput(at, width), before: null, after: at.Norm("post_norm")));
        return new Layer([.. residuals]) { OutputScale = at.Has("layer_output_scale.weight") ? at.Number("layer_output_scale.weight") : 1 };
    }

    static AttentionShape Shape(LayerLoader at)
    {
        var (keys, usual) = (at.Keys, at.Config.Attention);
        var shape = usual with { KvHeads = keys.Ints("attention.head_count_kv", 1, 1 << 14)[at.Index] };
        if (keys.HasWindow(at.Index, usual: 6))
        {
            var size = keys.Int("attention.key_length_swa", 2, 1 << 14, usual.HeadSize);
            shape = shape with
            {
                HeadSize = size,
                ValueSize = keys.Int("attention.value_length_swa", 1, 1 << 14, size),
                Window = keys.Window,
                Rope = usual.Rope! with
                {
                    Dimensions = keys.Int("rope.dimension_count_swa", 2, size, size),
                    Scaling = null,
                    FrequencyFactors = null,
                    Theta = keys.Number("rope.freq_base_swa", 1.0001, 1e12, 10_000),
                },
            };
        }
        return shape with { KeysAreValues = KeysOf(at) is null && !at.Has("attn_v.weight") && shape.HeadSize == shape.ValueSize };
    }

    // The last layers read the keys of the last one before them that is like them.
    static Attention? KeysOf(LayerLoader at)
    {
        var first = at.Config.Layers - at.Keys.Int("attention.shared_kv_layers", 0, at.Config.Layers - 1, 0);
        if (at.Index < first)
            return null;
        for (var layer = first - 1; layer >= 0; layer--)
            if (at.Keys.HasWindow(layer, usual: 6) == at.Keys.HasWindow(at.Index, usual: 6))
                return at.Attentions[layer];
        throw at.Keys.Refuse($"layer {at.Index} shares the keys of an earlier layer, and none is like it");
    }
}
