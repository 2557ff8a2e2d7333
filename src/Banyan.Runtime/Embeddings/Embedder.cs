using System.Diagnostics.CodeAnalysis;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Embeddings;

/// <summary>
/// Turns texts into vectors, and pairs of a query and a document into scores: with encoders (BERT and its relatives) and with decoders
/// trained for it (Qwen3-Embedding, Qwen3-Reranker). Texts share a pass, up to a bound on tokens; concurrent calls alternate pass by pass.
/// </summary>
public sealed class Embedder : IDisposable
{
    /// <summary>Tokens of all texts of a pass, unless one text has more.</summary>
    const int PassTokens = 512;

    /// <summary>Texts of a pass; each has its own pages.</summary>
    const int PassTexts = 64;

    readonly Model _model;
    readonly ModelAdapter? _adapter;
    readonly Lock _gate = new();
    KvCache? _cache;
    Forward? _forward;
    Batch? _batch;

    /// <param name="model">A loaded model. The embedder does not dispose it.</param>
    /// <param name="adapter">An adapter of the model to apply; null for none.</param>
    /// <exception cref="ArgumentException">The adapter was added to another model.</exception>
    public Embedder(Model model, ModelAdapter? adapter = null) =>
        (_model, _adapter) = (model, adapter is null || adapter.Model == model ? adapter
        : throw new ArgumentException($"adapter '{adapter.Name}' was added to another model: add it to '{model.Name}'", nameof(adapter)));

    /// <summary>The model it computes with.</summary>
    public Model Model => _model;

    /// <summary>How tokens become a vector.</summary>
    public Pooling Pooling => _model.Config.Pooling switch
    {
        Pooling.None => _model.Config.IsEncoder ? Pooling.Mean : Pooling.Last,
        Pooling.Rank => Models.Families.Family.Find(_model.Config.Architecture)!.ScorePooling,
        var pooling => pooling,
    };

    /// <summary>The dimensions of a vector.</summary>
    public int Dimensions => _model.Weights.Dense.Count > 0 ? _model.Weights.Dense[^1].Rows : _model.Config.EmbeddingSize;

    /// <summary>Whether the model has what <see cref="Score"/> needs.</summary>
    public bool CanScore => _model.Weights.Classifier is not null;

    /// <summary>The vectors of texts.</summary>
    /// <param name="texts">Token ids of each, special tokens included; each at least one.</param>
    /// <param name="normalize">Whether to scale them to length 1.</param>
    /// <param name="dimensions">
    /// How many leading dimensions to keep before normalizing; null for all. Models trained for it (Matryoshka) lose little.
    /// </param>
    /// <param name="cancellationToken">Cancels between passes.</param>
    /// <exception cref="ArgumentException">
    /// A text is empty, longer than the context, or has an id outside the vocabulary; or the vectors have fewer dimensions.
    /// </exception>
    public IReadOnlyList<float[]> Embed(IReadOnlyList<int[]> texts, bool normalize = true, int? dimensions = null,
        CancellationToken cancellationToken = default)
    {
        if (dimensions is { } most && (most < 1 || most > Dimensions))
            throw new ArgumentException($"'{_model.Name}' gives vectors of {Dimensions} numbers: {most} is outside 1 … {Dimensions}",
                nameof(dimensions));
        var vectors = Pooled(texts, cancellationToken);
        for (var i = 0; i < vectors.Length; i++)
        {
            foreach (var dense in _model.Weights.Dense)
                vectors[i] = dense.Apply(vectors[i]);
            vectors[i] = dimensions is { } first ? vectors[i][..first] : vectors[i];
            if (normalize)
                Normalize(vectors[i]);
        }
        return vectors;
    }

    /// <summary>The scores of texts, each a query with a document in the form that the model was trained with.</summary>
    /// <inheritdoc cref="Embed"/>
    /// <exception cref="InvalidOperationException">The model has no classifier.</exception>
    public IReadOnlyList<float[]> Score(IReadOnlyList<int[]> texts, CancellationToken cancellationToken = default)
    {
        var classifier = _model.Weights.Classifier
            ?? throw new InvalidOperationException(
                $"'{_model.Name}' has no classifier (cls.output.weight), so it gives no scores: use a reranker");
        return [.. Pooled(texts, cancellationToken).Select(classifier.Scores)];
    }

    /// <summary>A query with a document, in the form that the model was trained with, for <see cref="Score"/>.</summary>
    /// <param name="query">The query.</param>
    /// <param name="document">The document.</param>
    /// <param name="tokens">The tokens; empty if there are more than the context holds.</param>
    /// <returns>Whether the context holds them.</returns>
    public bool TryPair(string query, string document, out int[] tokens) =>
        RankedTexts.TryEncode(_model, query, document, _model.ContextLength, out tokens);

    /// <summary>
    /// How well a document answers, 0 to 1, from what <see cref="Score"/> gives: the sigmoid of a logit, or the share of the first label,
    /// which is "yes".
    /// </summary>
    /// <param name="scores">Of one text.</param>
    public static float Relevance(IReadOnlyList<float> scores) => scores.Count > 1 ? scores[0] : 1 / (1 + MathF.Exp(-scores[0]));

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
        for (var first = 0; first < order.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (end, tokens) = (first, 0);
            while (end < order.Length && end - first < PassTexts && (end == first || tokens + texts[order[end]].Length <= PassTokens))
                tokens += texts[order[end++]].Length;
            lock (_gate)
                if (tokens > PassTokens && !_model.Config.IsEncoder)
                    pooled[order[first]] = RunLong(texts[order[first]], cancellationToken);
                else
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
                throw new ArgumentException(
                    $"text {i + 1} has {texts[i].Length} tokens, and '{_model.Name}' takes {_model.ContextLength}: shorten it",
                    nameof(texts));
            if (Array.FindIndex(texts[i], id => id < 0 || id >= _model.Config.VocabularySize) is var bad and >= 0)
                throw new ArgumentException(
                    $"token {texts[i][bad]} of text {i + 1} is outside the vocabulary of {_model.Config.VocabularySize}", nameof(texts));
        }
    }

    /// <summary>Allocates memory for a pass of the given number of rows over a cache of the given number of tokens.</summary>
    [MemberNotNull(nameof(_batch), nameof(_cache), nameof(_forward))]
    void Prepare(int rows, int tokens)
    {
        if (_batch is null || _cache is null || _forward is null || _batch.Capacity < rows || _cache.Tokens < tokens)
        {
            Free();
            var capacity = Math.Max(rows, PassTokens);
            _batch = new Batch(capacity);
            _cache = new KvCache(_model, Math.Max(tokens, capacity + PassTexts * KvLayout.PagePositions));
            _forward = new Forward(_model, _cache, capacity, capacity, head: _model.Weights.Hidden);
        }
        _batch.Clear();
    }

    /// <summary>Several texts, or one that an encoder has to see whole, in one pass.</summary>
    void Run(IReadOnlyList<int[]> texts, ReadOnlySpan<int> which, int tokens, float[][] pooled)
    {
        Prepare(tokens, tokens + which.Length * KvLayout.PagePositions);
        var (sequences, rows) = (new Sequence[which.Length], new int[which.Length]);
        for (var i = 0; i < which.Length; i++)
        {
            var text = texts[which[i]];
            sequences[i] = Reserved(text.Length);
            rows[i] = _batch.Add(sequences[i], text, Pooling == Pooling.Last ? 1 : text.Length);
        }
        _forward.Run(_batch);
        for (var i = 0; i < which.Length; i++)
        {
            var sum = new float[_forward.Result(rows[i]).Length];
            var count = Pooling == Pooling.Mean ? texts[which[i]].Length : 1;
            Sum(sum, rows[i], count);
            pooled[which[i]] = Divided(sum, count);
            sequences[i].Release();
        }
    }

    /// <summary>A long text of a decoder, in pieces: each token sees only those before it, so a pass need not contain the whole
    /// text.</summary>
    float[] RunLong(int[] text, CancellationToken cancellationToken)
    {
        Prepare(PassTokens, text.Length + KvLayout.PagePositions);
        var sequence = Reserved(text.Length);
        float[]? sum = null;
        try
        {
            for (var at = 0; at < text.Length; at += PassTokens)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var piece = text.AsSpan(at, Math.Min(PassTokens, text.Length - at));
                var isLast = at + piece.Length == text.Length;
                var wanted = Pooling switch
                {
                    Pooling.Mean => piece.Length,
                    Pooling.First => at == 0 ? piece.Length : 0,
                    _ => isLast ? 1 : 0
                };
                _batch!.Clear();
                var row = _batch.Add(sequence, piece, wanted);
                _forward!.Run(_batch);
                sequence.Advance(at + piece.Length, text);
                if (wanted > 0)
                    Sum(sum ??= new float[_forward.Result(row).Length], row, Pooling == Pooling.Mean ? piece.Length : 1);
            }
        }
        finally
        {
            sequence.Release();
        }
        return Divided(sum!, Pooling == Pooling.Mean ? text.Length : 1);
    }

    Sequence Reserved(int length)
    {
        var sequence = new Sequence(_cache!, length, _adapter);
        return sequence.TryReserve(length) ? sequence : throw new InvalidOperationException("the cache is smaller than a pass");
    }

    void Sum(float[] sum, int row, int count)
    {
        for (var token = 0; token < count; token++)
        {
            var result = _forward!.Result(row + token);
            for (var i = 0; i < sum.Length; i++)
                sum[i] += result[i];
        }
    }

    static float[] Divided(float[] sum, int count)
    {
        for (var i = 0; count > 1 && i < sum.Length; i++)
            sum[i] /= count;
        return sum;
    }

    void Free()
    {
        _forward?.Dispose();
        _cache?.Dispose();
    }

    /// <summary>Frees the embedder's memory; the model stays loaded.</summary>
    public void Dispose() => Free();
}
