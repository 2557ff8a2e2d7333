using Banyan.Runtime.Embeddings;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Keys;

namespace Banyan.Server.Inference.Models;

/// <summary>A loaded model's vectors and scores: one slice of a request's texts at a time, so that requests take turns.</summary>
sealed class Vectors(LoadedModel model, ModelAdapter? adapter) : IAsyncDisposable
{
    const int TextsOfATurn = 64;

    readonly Embedder _embedder = new(model.Model, adapter);
    readonly SemaphoreSlim _turn = new(1);

    /// <summary>Numbers of a vector.</summary>
    public int Dimensions => _embedder.Dimensions;

    /// <summary>Whether it is a reranker.</summary>
    public bool CanScore => _embedder.CanScore;

    /// <summary>Tokens a text may have: there is no answer to leave room for.</summary>
    public int MostTokens => model.ContextLength;

    /// <inheritdoc cref="Embedder.Embed"/>
    public Task<float[][]> EmbedAsync(IReadOnlyList<int[]> texts, bool normalize = true, int? dimensions = null,
        CancellationToken cancellationToken = default) =>
        ComputeAsync(texts, some => _embedder.Embed(some, normalize, dimensions, cancellationToken), cancellationToken);

    /// <inheritdoc cref="Embedder.Score"/>
    public Task<float[][]> ScoreAsync(IReadOnlyList<int[]> texts, CancellationToken cancellationToken) =>
        ComputeAsync(texts, some => _embedder.Score(some, cancellationToken), cancellationToken);

    /// <inheritdoc cref="Embedder.TryPair"/>
    public bool TryPair(string query, string document, out int[] tokens) => _embedder.TryPair(query, document, out tokens);

    /// <summary>Refuses more numbers of a vector than there are.</summary>
    /// <exception cref="ApiException">There are fewer.</exception>
    public int? CheckDimensions(int? dimensions) => dimensions > Dimensions
        ? throw ApiException.Invalid("dimensions",
            $"Invalid 'dimensions': {dimensions} is outside 1 … {Dimensions}: {model.Name} gives vectors of {Dimensions} numbers.",
            "out_of_range")
        : dimensions;

    async Task<float[][]> ComputeAsync(IReadOnlyList<int[]> texts, Func<IReadOnlyList<int[]>, IReadOnlyList<float[]>> compute,
        CancellationToken cancellationToken)
    {
        var results = new float[texts.Count][];
        for (var first = 0; first < results.Length; first += TextsOfATurn)
        {
            int[][] some = [.. texts.Skip(first).Take(TextsOfATurn)];
            await _turn.WaitAsync(cancellationToken);
            KeyHolder.Current?.Count(some.Sum(t => t.Length), 0);
            try
            {
                (await Task.Run(() => compute(some), cancellationToken)).ToArray().CopyTo(results, first);
            }
            finally
            {
                _turn.Release();
            }
        }
        return results.All(v => v.All(float.IsFinite)) ? results
            : throw new GenerationException(
                $"{model.Name} gave numbers that are none (NaN or infinite): its file is damaged, or its weights are of a format that loses them");
    }

    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();
        _embedder.Dispose();
        _turn.Dispose();
    }
}
