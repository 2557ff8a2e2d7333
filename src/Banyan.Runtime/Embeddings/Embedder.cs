using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Embeddings;

/// <summary>
/// Turns texts into vectors, and pairs of a query and a document into scores: by encoders (BERT and its kin), and by decoders that were
/// trained for it (Qwen3-Embedding, Qwen3-Reranker). Texts go through together, up to a bound of tokens; one call at a time computes.
/// </summary>
public sealed class Embedder : IDisposable
{
    /// <summary>Tokens of all texts of a pass, unless one text has more.</summary>
    const int PassTokens = 512;

    /// <summary>Texts of a pass: each has pages of its own.</summary>
    const int PassTexts = 64;

    readonly Model _model;
    readonly Lock _gate = new();
    KvCache? _cache;
    Forward? _forward;
    Batch? _batch;

    /// <param name="model">A loaded model. The embedder does not dispose it.</param>
    public Embedder(Model model) => _model = model;

    /// <summary>How tokens become a vector.</summary>
    public Pooling Pooling => _model.Config.Pooling switch
    {
        Pooling.None => _model.Config.IsEncoder ? Pooling.Mean : Pooling.Last,
        Pooling.Rank => !_model.Config.IsEncoder ? Pooling.Last : _model.Config.Architecture == "modern-bert" ? Pooling.Mean : Pooling.First,
        var pooling => pooling,
    };

    /// <summary>Numbers of a vector.</summary>
    public int Dimensions => _model.Weights.Dense.Count > 0 ? _model.Weights.Dense[^1].Rows : _model.Config.EmbeddingSize;

    /// <summary>Whether <see cref="Score"/> has what it needs.</summary>
    public bool CanScore => _model.Weights.Classifier is not null;

    /// <summary>The vectors of texts.</summary>
    /// <param name="texts">Token ids of each, special tokens included; each at least one.</param>
    /// <param name="normalize">Makes them of length 1.</param>
    /// <param name="cancellationToken">Ends between passes.</param>
    /// <exception cref="ArgumentException">A text is empty, longer than the context, or has an id outside the vocabulary.</exception>
    public IReadOnlyList<float[]> Embed(IReadOnlyList<int[]> texts, bool normalize = true, CancellationToken cancellationToken = default)
    {
        var vectors = Pooled(texts, cancellationToken);
        for (var i = 0; i < vectors.Length; i++)
        {
            foreach (var dense in _model.Weights.Dense)
                vectors[i] = dense.Apply(vectors[i]);
            if (normalize)
                Normalize(vectors[i]);
        }
        return vectors;
    }

    /// <summary>The scores of texts that are each a query with a document, in the form that the model was trained with.</summary>
    /// <inheritdoc cref="Embed"/>
    /// <exception cref="InvalidOperationException">The model has no classifier.</exception>
    public IReadOnlyList<float[]> Score(IReadOnlyList<int[]> texts, CancellationToken cancellationToken = default)
    {
        var classifier = _model.Weights.Classifier
            ?? throw new InvalidOperationException($"'{_model.Name}' has no classifier (cls.output.weight), so it gives no scores: use a reranker");
        return [.. Pooled(texts, cancellationToken).Select(classifier.Scores)];
    }

    static void Normalize(float[] vector)
    {
        var length = Math.Sqrt(vector.Sum(v => (double)v * v));
        for (var i = 0; length > 0 && i < vector.Length; i++)
            vector[i] = (float)(vector[i] / length);
    }

    float[][] Pooled(IReadOnlyList<int[]> texts, CancellationToken cancellationToken)
    {
        Check(texts);
        var pooled = new float[texts.Count][];
        // Those of like length together: what a pass takes is the sum of their squares.
        int[] order = [.. Enumerable.Range(0, texts.Count).OrderBy(i => texts[i].Length)];
        lock (_gate)
            for (var first = 0; first < order.Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var (end, tokens) = (first, 0);
                while (end < order.Length && end - first < PassTexts && (end == first || tokens + texts[order[end]].Length <= PassTokens))
                    tokens += texts[order[end++]].Length;
                Run(texts, order.AsSpan(first..end), tokens, pooled);
                first = end;
            }
        return pooled;
    }

    void Check(IReadOnlyList<int[]> texts)
    {
        for (var i = 0; i < texts.Count; i++)
        {
            if (texts[i].Length == 0)
                throw new ArgumentException($"text {i + 1} has no tokens", nameof(texts));
            if (texts[i].Length > _model.ContextLength)
                throw new ArgumentException($"text {i + 1} has {texts[i].Length} tokens, and '{_model.Name}' takes {_model.ContextLength}: shorten it", nameof(texts));
            if (Array.FindIndex(texts[i], id => id < 0 || id >= _model.Config.VocabularySize) is var bad and >= 0)
                throw new ArgumentException($"token {texts[i][bad]} of text {i + 1} is outside the vocabulary of {_model.Config.VocabularySize}", nameof(texts));
        }
    }

    void Run(IReadOnlyList<int[]> texts, ReadOnlySpan<int> which, int tokens, float[][] pooled)
    {
        if (_batch is null || _batch.Capacity < tokens)
        {
            Free();
            var capacity = Math.Max(tokens, PassTokens);
            _batch = new Batch(capacity);
            _cache = new KvCache(_model, capacity + PassTexts * KvLayout.PagePositions);
            _forward = new Forward(_model, _cache, capacity, capacity, head: _model.Weights.Hidden);
        }
        _batch.Clear();
        var (sequences, rows) = (new Sequence[which.Length], new int[which.Length]);
        for (var i = 0; i < which.Length; i++)
        {
            var text = texts[which[i]];
            sequences[i] = new Sequence(_cache!, text.Length);
            if (!sequences[i].TryReserve(text.Length))
                throw new InvalidOperationException("the cache is smaller than a pass");
            rows[i] = _batch.Add(sequences[i], text, Pooling == Pooling.Last ? 1 : text.Length);
        }
        _forward!.Run(_batch);
        for (var i = 0; i < which.Length; i++)
        {
            pooled[which[i]] = Pool(rows[i], texts[which[i]].Length);
            sequences[i].Release();
        }
    }

    float[] Pool(int row, int tokens)
    {
        var vector = _forward!.Result(row).ToArray();
        if (Pooling != Pooling.Mean)
            return vector;
        for (var token = 1; token < tokens; token++)
        {
            var result = _forward.Result(row + token);
            for (var i = 0; i < vector.Length; i++)
                vector[i] += result[i];
        }
        for (var i = 0; i < vector.Length; i++)
            vector[i] /= tokens;
        return vector;
    }

    void Free()
    {
        _forward?.Dispose();
        _cache?.Dispose();
    }

    /// <summary>Frees its memory; the model stays.</summary>
    public void Dispose() => Free();
}
