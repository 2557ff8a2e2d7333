namespace Banyan.Runtime.Models;

/// <summary>
/// The shape of a model, read once from its file and checked: everything <see cref="Forward"/> needs besides the weights.
/// <see cref="ConfigReader"/> makes it.
/// </summary>
public sealed record Config
{
    /// <summary>The architecture's name in GGUF: <c>qwen2</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Transformer blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int EmbeddingSize { get; init; }

    /// <summary>Width of the feed-forward layer; of one expert where there are experts.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Width of a head; even.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Tokens in the vocabulary: rows of the embedding.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The most tokens a sequence can have: what the model was trained for, at most a sliding window it attends to.</summary>
    public required int ContextLength { get; init; }

    /// <summary>The ε of RMSNorm.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>What attention scores are multiplied with: 1/√head size unless the file says otherwise.</summary>
    public required float AttentionScale { get; init; }

    /// <summary>Rotary position embedding.</summary>
    public required RopeConfig Rope { get; init; }

    /// <summary>Queries and keys are RMS-normed per head before rotation (Qwen3).</summary>
    public bool HeadNorm { get; init; }

    /// <summary>Mixture of experts; null for a dense model.</summary>
    public Experts? Experts { get; init; }

    /// <summary>Query columns: heads · head size. Not always the embedding size.</summary>
    public int QuerySize => Heads * HeadSize;

    /// <summary>Key columns, and value columns: KV heads · head size.</summary>
    public int KeySize => KvHeads * HeadSize;

    // Which experts a row goes to is discrete, and rounded activations now and then choose others than the model does. Most of what moves the choice is
    // rounded in attention, so its activations have 16 bits there.
    internal int AttentionTerms => Experts is null ? 1 : 2;
}

/// <summary>A router that sends each token to a few of many feed-forward layers.</summary>
/// <param name="Count">Experts in a layer.</param>
/// <param name="Used">Experts a token goes to.</param>
/// <param name="NormalizeWeights">The weights of the chosen experts are scaled to sum to 1 (<c>norm_topk_prob</c>).</param>
public sealed record Experts(int Count, int Used, bool NormalizeWeights);
