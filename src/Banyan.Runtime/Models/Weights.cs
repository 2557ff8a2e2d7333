using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels;

namespace Banyan.Runtime.Models;

/// <summary>A model's weights, packed once for the kernels. Shared by all sequences; nothing here changes after loading.</summary>
internal sealed unsafe class Weights : IDisposable
{
    readonly Tensor? _embedding; // null where the output matrix is the embedding too
    readonly WeightMemory _memory;
    bool _disposed;

    Weights(Tensor? embedding, PackedMatrix output, AlignedBuffer outputNorm, LayerWeights[] layers, WeightMemory memory) =>
        (_embedding, Output, OutputNorm, Layers, _memory) = (embedding, output, outputNorm, layers, memory);

    /// <summary>[vocabulary, embedding]; the embedding itself where they are tied.</summary>
    public PackedMatrix Output { get; }

    /// <summary>[embedding]</summary>
    public AlignedBuffer OutputNorm { get; }

    public IReadOnlyList<LayerWeights> Layers { get; }

    /// <summary>Memory of the packed weights.</summary>
    public long Bytes => Output.Bytes + Layers.Sum(l => l.Matrices.Sum(m => m.Bytes));

    /// <summary>Writes a token's embedding [embedding].</summary>
    public void Embed(int token, float* destination)
    {
        if (_embedding is null)
            Output.CopyRow(token, destination);
        else
            _embedding.Dequantize(token, 1, new Span<float>(destination, (int)_embedding.Columns));
    }

    /// <summary>Packs every tensor the configuration asks for.</summary>
    /// <exception cref="ModelFileException">One is missing, of another shape, or of a format no kernel computes with.</exception>
    public static Weights Load(ModelFile file, Config config, WorkerPool pool, IProgress<LoadProgress>? progress)
    {
        using var loader = new WeightLoader(file, pool, progress);
        var embedding = file.GetTensor("token_embd.weight");
        var tied = !file.TryGetTensor("output.weight", out _);
        var output = loader.Matrix(tied ? "token_embd.weight" : "output.weight", config.VocabularySize, config.EmbeddingSize);
        var outputNorm = loader.Vector("output_norm.weight", config.EmbeddingSize);
        var layers = new LayerWeights[config.Layers];
        for (var layer = 0; layer < layers.Length; layer++)
            layers[layer] = LayerWeights.Load(loader, config, layer);
        file.RefuseUnread(config.Layers);
        return loader.Keep(new Weights(tied ? null : embedding, output, outputNorm, layers, loader.Memory!));
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Output.Dispose();
        OutputNorm.Dispose();
        foreach (var layer in Layers)
            layer.Dispose();
        _memory.Dispose();
    }
}

/// <summary>How far loading is.</summary>
/// <param name="Bytes">Bytes of weights packed so far.</param>
/// <param name="Total">Bytes of weights in all.</param>
public readonly record struct LoadProgress(long Bytes, long Total);
