namespace Banyan.Runtime.Synthesis;

/// <summary>The shape of a published model: everything except its weights and vocabulary.</summary>
/// <param name="Name">The name in <c>banyan synthesize</c>: <c>qwen2.5-coder-1.5b</c>.</param>
/// <param name="Title">The published name: <c>Qwen2.5-Coder-1.5B-Instruct</c>.</param>
/// <param name="Architecture">GGUF's name: qwen2, gemma3, gpt-oss.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Embedding">Width of the residual stream.</param>
/// <param name="FeedForward">Width of the feed-forward layer.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Key and value heads.</param>
/// <param name="HeadSize">Width of a head.</param>
/// <param name="Vocabulary">Rows of the embedding.</param>
/// <param name="Context">Trained context in tokens.</param>
/// <param name="Tied">Whether the embedding is also the output matrix.</param>
public sealed record ModelShape(
    string Name, string Title, string Architecture, int Layers, int Embedding, int FeedForward, int Heads, int KvHeads, int HeadSize,
    int Vocabulary, int Context, bool Tied)
{
    /// <summary>The base of the rotary frequencies.</summary>
    public float RopeBase { get; init; } = 1_000_000;

    /// <summary>Epsilon of RMS norm, added to the mean square before the root.</summary>
    public float RmsEpsilon { get; init; } = 1e-6f;

    /// <summary>Llama 3's frequency scaling: the factor for long wavelengths; null for none.</summary>
    public float? RopeFactor { get; init; }

    /// <summary>Experts in a layer; 0 for a dense model.</summary>
    public int Experts { get; init; }

    /// <summary>Experts that a token uses.</summary>
    public int ExpertsUsed { get; init; }

    /// <summary>Width of an expert.</summary>
    public int ExpertFeedForward { get; init; }

    /// <summary>The first special token; the tokens before it are ordinary vocabulary.</summary>
    public int FirstSpecial { get; init; } = 151_643;

    /// <summary>Dimensions of a head that are rotated by the position; 0 for all.</summary>
    internal int Turning { get; init; }

    /// <summary>Keys and tensors of a family whose layers differ; null: of the plain ones.</summary>
    internal ShapeText? Text { get; init; }

    /// <summary>Its special tokens and chat template.</summary>
    internal VocabularyKind Tokens { get; init; } = VocabularyKind.Qwen3;

    /// <summary>Whether its weights are those of <see cref="Copier"/> instead of random.</summary>
    internal bool Copies { get; init; }

    /// <summary>Whether it has a multi-token prediction layer.</summary>
    internal bool Predicts { get; init; }

    /// <summary>Whether that layer is always right: its weights are those of <see cref="Foreseen"/> instead of random.</summary>
    internal bool Foresees { get; init; }

    /// <summary>The same with a multi-token prediction layer, and is always right: <c>NAME-mtp</c>.</summary>
    internal ModelShape Foreseeing() =>
        this with { Name = $"{Name}-mtp", Title = $"{Title}, with a layer that guesses ahead", Predicts = true, Foresees = true };

    /// <summary>The same with the first so many layers only, for machines that the whole does not fit in: <c>NAME-6-layers</c>.</summary>
    internal ModelShape Cut(int layers) =>
        this with { Name = $"{Name}-{layers}-layers", Title = $"{Title}, {layers} of its {Layers} layers", Layers = layers };

    /// <summary>The number of weights, biases and norms included.</summary>
    public long Parameters => ShapeTensors.Of(this).Sum(t => t.Shape.Aggregate(1L, (product, size) => product * size));
}
