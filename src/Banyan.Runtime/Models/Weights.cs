using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models;

/// <summary>A model in computable form: an embedding, layers, and heads. Packed once for the kernels, shared by all passes and sequences;
/// nothing here changes after loading.</summary>
internal sealed class Weights : IDisposable
{
    readonly Layer[] _layers;
    readonly IReadOnlyList<IDisposable> _owned;

    Weights(Embedding embedding, Layer[] layers, ProjectionHead logits, Head hidden, Classifier? classifier, PredictionLayer? prediction,
        IReadOnlyList<Dense> dense,
        IReadOnlyList<LayerState> states, IReadOnlyList<IDisposable> owned)
    {
        (Embedding, _layers, Logits, Hidden, Classifier, Prediction) = (embedding, layers, logits, hidden, classifier, prediction);
        (Dense, States, _owned) = (dense, states, owned);
        Blocks = [.. layers.SelectMany(l => l.Residuals.ToArray()).Select(r => r.Block)];
        WeightRead.Link([.. Products.Select(p => p.Read)]);
    }

    public Embedding Embedding { get; }

    public ReadOnlySpan<Layer> Layers => _layers;

    /// <summary>[vocabulary]</summary>
    public ProjectionHead Logits { get; }

    /// <summary>[embedding]</summary>
    public Head Hidden { get; }

    /// <summary>Of a reranker or another classifier; null for any other model.</summary>
    public Classifier? Classifier { get; }

    /// <summary>The multi-token prediction layer; null if the file has none.</summary>
    public PredictionLayer? Prediction { get; }

    /// <summary>Matrices applied to pooled vectors before they are normalized (EmbeddingGemma).</summary>
    public IReadOnlyList<Dense> Dense { get; }

    /// <summary>The layers' states of each sequence.</summary>
    public IReadOnlyList<LayerState> States { get; }

    /// <summary>The blocks of all layers, in the order in which they run.</summary>
    public IReadOnlyList<Block> Blocks { get; }

    /// <summary>The products of a pass that ends in logits, in the order in which they run.</summary>
    public IEnumerable<MatrixProduct> Products => Blocks.SelectMany(b => b.Products).Concat(Logits.Products);

    /// <summary>Memory of the packed weights.</summary>
    public long Bytes => Products.SelectMany(p => p.Projections).Sum(p => p.Matrix.Bytes);

    /// <summary>Packs every tensor that the family asks for.</summary>
    /// <exception cref="ModelFileException">One is missing, of another shape, or of a format no kernel computes with.</exception>
    public static Weights Load(ConfigReader keys, Config config, WorkerPool pool, IProgress<LoadProgress>? progress)
    {
        using var loader = new WeightLoader(keys.File, pool, progress);
        var family = Family.Of(keys);
        var tied = !loader.Has("output.weight");
        var output = loader.Projection(tied ? "token_embd" : "output", config.VocabularySize, config.EmbeddingSize, config.LogitScale);
        var embedding = new Embedding(keys.File.GetTensor("token_embd.weight"), tied ? output.Matrix : null,
            config.EmbeddingScale, config.EmbeddingEpsilon,
            family.IsEncoder ? new EncoderInput(loader, config) : null);
        // Encoders with norms behind their blocks have none at the end.
        var norm = family.IsEncoder && !loader.Has($"{family.OutputNorm}.weight") ? null
            : loader.Norm(family.OutputNorm, config.EmbeddingSize, config.NormEpsilon, config.HasLayerNorm);
        var states = new List<LayerState>();
        var (layers, attentions) = (new Layer[config.Layers], new Dictionary<int, Attention>());
        for (var layer = 0; layer < layers.Length; layer++)
            layers[layer] = family.Layer(new LayerLoader(loader, keys, config, states, attentions, layer));
        var classifier = Classifier.Of(loader, config);
        Dense[] dense =
            [.. new[] { "dense_2", "dense_3" }.Where(name => loader.Has($"{name}.weight")).Select(name => new Dense(loader, name))];
        var prediction = PredictionLayer.Of(loader, keys, config, family, embedding, output);
        keys.File.RefuseUnread(config.Layers);
        // An encoder's logits are asked for by nobody (Engine).
        var logits = new ProjectionHead(norm ?? new Norm("", loader.Ones(config.EmbeddingSize), config.EmbeddingSize, config.NormEpsilon),
            output, config.LogitSoftCap);
        return new Weights(embedding, layers, logits, new HiddenHead(norm, config.EmbeddingSize), classifier, prediction,
            dense, states, loader.Keep());
    }

    public void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
    }
}

/// <summary>How far loading is.</summary>
/// <param name="Bytes">Bytes of weights packed so far.</param>
/// <param name="Total">Bytes of weights in all.</param>
public readonly record struct LoadProgress(long Bytes, long Total);
