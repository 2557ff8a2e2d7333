using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Gemma 4 (ai.google.dev/gemma) as it reads text: as Gemma 3, with heads of another size in windowed layers, values that are normed, and, by
/// size, embeddings of each token for each layer, layers that read the keys of earlier ones, or experts beside the feed-forward.
/// </summary>
internal sealed class Gemma4 : Family
{
    public override string Architecture => "gemma4";

    public override string Covers => "Gemma 4 E2B-31B and 26B-A4B, text";

    // Read from GGUF alone.
    public override HuggingFaceFamily HuggingFace => new();

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
            : reader.Experts(reader.Int("expert_feed_forward_length", 1, 1 << 22), normalize: true) with { Activation = GateActivation.Gelu },
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
