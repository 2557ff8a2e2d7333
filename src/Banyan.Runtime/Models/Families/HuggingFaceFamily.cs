namespace Banyan.Runtime.Models.Families;

/// <summary>How transformers writes a family where that differs from what it writes of most.</summary>
/// <param name="ModelTypes">Its <c>model_type</c>s in config.json.</param>
internal sealed record HuggingFaceFamily(params string[] ModelTypes)
{
    /// <summary>Names of a layer's tensors, theirs to GGUF's: <c>post_attention_layernorm</c> to <c>post_attention_norm</c>.</summary>
    public IReadOnlyDictionary<string, string> Tensors { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Keys of config.json as <see cref="Files.ConfigKeys.Table"/> reads them, for what this family computes otherwise than most.
    /// </summary>
    public string Keys { get; init; } = "";

    /// <summary>Whether <c>sliding_window</c> counts where no <c>use_sliding_window</c> says so.</summary>
    public bool HasWindow { get; init; }
}
