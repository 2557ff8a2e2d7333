using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Models.Families;

/// <summary>How transformers writes a family where that differs from what it writes of most.</summary>
/// <param name="ModelTypes">Its <c>model_type</c>s in config.json.</param>
internal sealed record HuggingFaceFamily(params string[] ModelTypes)
{
    /// <summary>
    /// Names of tensors, theirs to GGUF's. Of a layer without <c>.weight</c> and <c>.bias</c>: <c>post_attention_layernorm</c> to
    /// <c>post_attention_norm</c>; experts, each in a tensor, with # for their number; what has neither ending, and what belongs to no
    /// layer, whole on both sides.
    /// </summary>
    public IReadOnlyDictionary<string, string> Tensors { get; init; } = new Dictionary<string, string>();

    /// <summary>What stands before a layer's number.</summary>
    public string Layers { get; init; } = "model.layers.";

    /// <summary>
    /// Keys of config.json as <see cref="Files.ConfigKeys.Table"/> reads them, for what this family computes otherwise than most.
    /// </summary>
    public string Keys { get; init; } = "";

    /// <summary>
    /// Keys that stand for each other, in lines such as <c>logit_scale f logits_scaling</c>: GGUF's, a type (u: whole number, f: float,
    /// b: flag) and theirs, of several the first that is there.
    /// </summary>
    public string Settings { get; init; } = "";

    /// <summary>What transformers takes for keys that config.json leaves out, in JSON.</summary>
    public string Defaults { get; init; } = "{}";

    /// <summary>Whether <c>sliding_window</c> counts where no <c>use_sliding_window</c> says so.</summary>
    public bool HasWindow { get; init; }

    /// <summary>Whether a layer for multi-token prediction is beside the model's (<see cref="PredictionNames"/>).</summary>
    public bool HasPrediction { get; init; }

    /// <summary>What of its tensors has another form in GGUF, in the order in which it is changed.</summary>
    public IReadOnlyList<TensorForm> Forms { get; init; } = [];

    /// <summary>Whether a config.json with one of its <c>model_type</c>s is of this family, where several have it.</summary>
    public Func<JsonFile, bool> Fits { get; init; } = _ => true;

    /// <summary>Reads what no line of <see cref="Settings"/> says.</summary>
    public Action<HuggingFaceReading>? Read { get; init; }

    /// <summary>Writes it.</summary>
    public Action<HuggingFaceWriting>? Write { get; init; }
}
