using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Models;

/// <summary>The shape of a model, read once from its file and checked: what its layers have in common. Differences between layers are in
/// the family's file (Families/). <see cref="ConfigReader"/> makes it.</summary>
public sealed record Config
{
    internal Config()
    {
    }

    /// <summary>Reads the shape of a model from its file, without its weights.</summary>
    /// <exception cref="InvalidDataException">The file describes a model that is not supported; the message names the key.</exception>
    public static Config Read(ModelFile file) => ConfigReader.Read(file);

    /// <summary>The architecture's name in GGUF: <c>qwen2</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Layers, each around a mixer and a feed-forward.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int EmbeddingSize { get; init; }

    /// <summary>Width of the feed-forward of a layer without experts; or of one expert if there is no such layer.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Tokens in the vocabulary: rows of the embedding.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>
    /// The maximum tokens a sequence can have: what the model was trained for, at most a sliding window that all layers attend to.
    /// </summary>
    public required int ContextLength { get; init; }

    /// <summary>The ε of the norms.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Whether every token attends to every other: an encoder gives vectors and scores, and does not generate.</summary>
    public bool IsEncoder { get; init; }

    /// <summary>How the file pools hidden states.</summary>
    public Embeddings.Pooling Pooling { get; init; }

    /// <summary>Mixture of experts; null for a dense model.</summary>
    public Experts? Experts { get; init; }

    /// <summary>What embeddings are multiplied by (Gemma: the root of their width; Granite).</summary>
    internal float EmbeddingScale { get; init; } = 1;

    /// <summary>What each block's result is multiplied by before it is added to the stream (Granite).</summary>
    internal float ResidualScale { get; init; } = 1;

    /// <summary>What logits are multiplied by (Granite).</summary>
    internal float LogitScale { get; init; } = 1;

    /// <summary>Logits become this · tanh(logit ÷ this) (Gemma 2 and 4); 0: they do not.</summary>
    internal float LogitSoftCap { get; init; }

    /// <summary>The ε by which embeddings are RMS-normed without a weight (Muse Glimmer); 0: they are not.</summary>
    internal float EmbeddingEpsilon { get; init; }

    /// <summary>Norms are LayerNorms.</summary>
    internal bool HasLayerNorm { get; init; }

    /// <summary>What gates go through.</summary>
    internal GateActivation GateActivation { get; init; }

    /// <summary>Query heads.</summary>
    public int Heads => Attention.Heads;

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public int KvHeads => Attention.KvHeads;

    /// <summary>Width of a query and key head; even.</summary>
    public int HeadSize => Attention.HeadSize;

    /// <summary>The shape of a layer's attention, unless its family says otherwise.</summary>
    internal AttentionShape Attention { get; init; } = null!;
}

/// <summary>A router that sends each token to a few of many feed-forward layers.</summary>
/// <param name="Count">Experts in a layer.</param>
/// <param name="Used">Experts a token goes to.</param>
/// <param name="NormalizeWeights">The weights of the chosen experts are scaled to sum to 1 (<c>norm_topk_prob</c>).</param>
public sealed record Experts(int Count, int Used, bool NormalizeWeights)
{
    /// <summary>Width of an expert.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Each score is a sigmoid of its own instead of a softmax over all (DeepSeek V3, arXiv 2412.19437).</summary>
    public bool Sigmoid { get; init; }

    /// <summary>The softmax is over the chosen alone (gpt-oss).</summary>
    public bool SoftmaxOfChosen { get; init; }

    /// <summary>Groups of experts, of which the best <see cref="GroupsUsed"/> are chosen first (DeepSeek V3); 1: there are none.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>See <see cref="Groups"/>.</summary>
    public int GroupsUsed { get; init; } = 1;

    /// <summary>The weight of a chosen expert multiplies its input, not its output (Llama 4).</summary>
    public bool ScalesInput { get; init; }

    /// <summary>What experts are.</summary>
    internal GateActivation Activation { get; init; }

    /// <summary>What the weights of the chosen are multiplied by (<c>routed_scaling_factor</c>).</summary>
    public float Scale { get; init; } = 1;
}
