using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Models.Families;

/// <summary>How transformers stores a family, as far as that differs from most families.</summary>
/// <param name="ModelTypes">Its <c>model_type</c>s in config.json.</param>
internal sealed record HuggingFaceFamily(params string[] ModelTypes)
{
    /// <summary>
    /// Names of tensors, theirs to GGUF's. Of a layer without <c>.weight</c> and <c>.bias</c>: <c>post_attention_layernorm</c> to
    /// <c>post_attention_norm</c>; experts, each in a tensor, with # for their number; what has neither ending, and what belongs to no
    /// layer, whole on both sides.
    /// </summary>
    public IReadOnlyDictionary<string, string> Tensors { get; init; } = new Dictionary<string, string>();

    /// <summary>The prefix before a layer's number.</summary>
    public string Layers { get; init; } = "model.layers.";

    /// <summary>Keys of config.json as <see cref="Files.ConfigKeys.Table"/> reads them, for values that only this family
    /// implements.</summary>
    public string Keys { get; init; } = "";

    /// <summary>
    /// Keys that stand for each other, in lines such as <c>logit_scale f logits_scaling</c>: GGUF's, a type (u: whole number, f: float,
    /// b: flag) and theirs, of several the first that is there.
    /// </summary>
    public string Settings { get; init; } = "";

    /// <summary>Transformers' defaults for keys that config.json omits, in JSON.</summary>
    public string Defaults { get; init; } = "{}";

    /// <summary>Whether <c>sliding_window</c> applies without <c>use_sliding_window</c>.</summary>
    public bool HasWindow { get; init; }

    /// <summary>Whether a layer for multi-token prediction is beside the model's (<see cref="PredictionNames"/>).</summary>
    public bool HasPrediction { get; init; }

    /// <summary>Its tensors that have another form in GGUF, in the order of conversion.</summary>
    public IReadOnlyList<TensorForm> Forms { get; init; } = [];

    /// <summary>Whether a config.json with one of its <c>model_type</c>s is of this family, where several have it.</summary>
    public Func<JsonFile, bool> Fits { get; init; } = _ => true;

    /// <summary>Reads what no line of <see cref="Settings"/> covers.</summary>
    public Action<HuggingFaceReading>? Read { get; init; }

    /// <summary>The inverse of <see cref="Read"/>.</summary>
    public Action<HuggingFaceWriting>? Write { get; init; }
}
