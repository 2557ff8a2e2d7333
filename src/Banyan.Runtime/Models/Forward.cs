using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Models;

/// <summary>
/// One pass of a batch of rows through the model. A row is a token at a position of a sequence; rows of many sequences, of prompts and of
/// answers, go through together. Start reading at <see cref="Run"/>.
/// </summary>
internal sealed unsafe class Forward : IDisposable
{
    readonly Config _config;
    readonly Weights _weights;
    readonly WorkerPool _pool;
    readonly KvCache _cache;
    readonly bool _exact, _exactAttention;
    readonly RopeAngles _angles;
    readonly RopeStyle _ropeStyle;
    readonly AttentionSpan[] _spans;
    readonly MixtureOfExperts? _experts;
    readonly AlignedBuffer _stream, _queries, _keys, _values, _gate, _up, _update, _logits; // floats
    readonly Activations _attentionInput, _attended, _normed, _hidden;                        // floats, and their quantized form

    /// <param name="model">The model.</param>
    /// <param name="cache">The keys and values of all sequences.</param>
    /// <param name="rows">The most rows of a batch.</param>
    /// <param name="logitRows">The most rows whose logits are wanted.</param>
    /// <param name="pool">The threads; null for the model's own.</param>
    public Forward(Model model, KvCache cache, int rows, int logitRows, WorkerPool? pool = null)
    {
        (_config, _weights, _pool, _cache) = (model.Config, model.Weights, pool ?? model.Pool, cache);
        _exact = model.Options.Activations == ActivationFormat.Float;
        var terms = _config.AttentionTerms;
        _exactAttention = _exact || terms == 2;
        var frequencies = _config.Rope.Frequencies();
        _angles = new RopeAngles([.. frequencies.Select(f => (float)f)], rows, (float)_config.Rope.Magnitude);
        _ropeStyle = _config.Rope.Pairs == RopePairs.Neighbours ? RopeStyle.Interleaved : RopeStyle.Halves;
        _spans = new AttentionSpan[rows];
        _stream = Floats(rows, _config.EmbeddingSize);
        _normed = new Activations(rows, _config.EmbeddingSize);
        _attentionInput = terms == 1 ? _normed : new Activations(rows, _config.EmbeddingSize, terms);
        _queries = Floats(rows, _config.QuerySize);
        _keys = Floats(rows, _config.KeySize);
        _values = Floats(rows, _config.KeySize);
        _attended = new Activations(rows, _config.QuerySize, terms);
        _gate = Floats(rows, _config.FeedForwardSize);
        _up = Floats(rows, _config.FeedForwardSize);
        _hidden = new Activations(rows, _config.FeedForwardSize);
        _update = Floats(rows, _config.EmbeddingSize);
        _logits = Floats(logitRows, _config.VocabularySize);
        _experts = _config.Experts is { } experts ? new MixtureOfExperts(_config, experts, rows, _pool, _exact) : null;
    }

    static AlignedBuffer Floats(int rows, int columns) => new((long)rows * columns * sizeof(float), zeroed: false);

    /// <summary>
    /// Computes the batch: writes the keys and values of every row into its sequence's pages, and logits where they are wanted. The caller
    /// has reserved the pages, and advances the sequences afterwards.
    /// </summary>
    public void Run(Batch batch)
    {
        var x = _stream.Floats;
        var rows = batch.Count;
        _angles.Compute(batch.Positions);
        Embed(batch, x);                                                                // x [rows, embedding]
        for (var layer = 0; layer < _config.Layers; layer++)
        {
            Attend(_weights.Layers[layer], layer, batch, x, rows);                      // x += attention(norm(x))
            if (layer == _config.Layers - 1)
                rows = KeepLogitRows(batch, x);                                         // the rest has done its work: it is in the cache
            FeedForward(layer, x, rows);                                                // x += feed-forward(norm(x))
        }
        Head(x, rows);                                                                  // logits [wanted rows, vocabulary]
    }

    /// <summary>The logits of the i-th row that wanted them, [vocabulary]; the caller may change them until the next pass.</summary>
    public Span<float> Logits(int index) => new(_logits.Floats + (long)index * _config.VocabularySize, _config.VocabularySize);

    /// <summary>All logits, [rows that wanted them, vocabulary].</summary>
    public float* LogitRows => _logits.Floats;

    void Attend(LayerWeights w, int layer, Batch batch, float* x, int rows)
    {
        float* q = _queries.Floats, k = _keys.Floats, v = _values.Floats;
        RmsNorm.Apply(x, w.AttentionNorm.Floats, _attentionInput, rows, _config.NormEpsilon, NeedsBlocks(w.Query, w.Key, w.Value), _pool); // input [rows, embedding]
        _pool.Ahead.Plan(_pool.Threads, w.AttentionOutput);
        Linear.Multiply(_attentionInput, w.Query, q, w.Key, k, w.Value, v, rows, _pool, _exact);       // q [rows, heads, headSize], k, v [rows, kvHeads, headSize]
        Bias(q, w.QueryBias, rows, _config.QuerySize);
        Bias(k, w.KeyBias, rows, _config.KeySize);
        Bias(v, w.ValueBias, rows, _config.KeySize);
        if (w is { QueryNorm: { } queryNorm, KeyNorm: { } keyNorm })                                    // a head is a row here
        {
            RmsNorm.Apply(q, queryNorm.Floats, q, rows * _config.Heads, _config.HeadSize, _config.NormEpsilon, _pool);
            RmsNorm.Apply(k, keyNorm.Floats, k, rows * _config.KvHeads, _config.HeadSize, _config.NormEpsilon, _pool);
        }
        Rope.Apply(q, rows, _config.Heads, _config.HeadSize, _config.QuerySize, _angles, _ropeStyle, _pool);
        Rope.Apply(k, rows, _config.KvHeads, _config.HeadSize, _config.KeySize, _angles, _ropeStyle, _pool);
        Cache(layer, batch, k, v);                                                                      // pages [kvHeads, positions, headSize]
        Attention.Run(q, _attended.Rows, Spans(layer, batch), _cache.Layout, _config.Heads, _config.AttentionScale, _pool, exact: _exactAttention);
        if (NeedsBlocks(w.AttentionOutput))
            _attended.Quantize(rows, _pool);                                                            // attended [rows, heads, headSize]
        if (w.Router is null)
            _pool.Ahead.Plan(_pool.Threads, ActivationBlock.Columns / PackedFormat.Rows, w.Gate[0], w.Up[0]);
        else
            _pool.Ahead.Plan(_pool.Threads, w.Router);
        Linear.Multiply(_attended, w.AttentionOutput, _update.Floats, rows, _pool, _exact);            // update [rows, embedding]
        Bias(_update.Floats, w.AttentionOutputBias, rows, _config.EmbeddingSize);
        Add.Apply(x, _update.Floats, (long)rows * _config.EmbeddingSize, _pool);
    }

    // Weights of 16 and 32 bits do not meet quantized activations.
    bool NeedsBlocks(params ReadOnlySpan<PackedMatrix> matrices)
    {
        foreach (var matrix in matrices)
            if (!_exact && matrix.Format.Kind != WeightKind.Float)
                return true;
        return false;
    }

    void FeedForward(int layer, float* x, int rows)
    {
        if (rows == 0)
            return;
        var w = _weights.Layers[layer];
        RmsNorm.Apply(x, w.FeedForwardNorm.Floats, _normed, rows, _config.NormEpsilon, NeedsBlocks(w.Gate[0], w.Up[0]), _pool); // normed [rows, embedding]
        if (_experts is not null)
        {
            _experts.Run(w, _normed, x, rows, After(layer));
            return;
        }
        _pool.Ahead.Plan(_pool.Threads, w.Down[0]);
        if (_exact || !Linear.TryMultiplyGated(_normed, w.Gate[0], w.Up[0], _hidden, rows, _pool, floats: !NeedsBlocks(w.Down[0])))
        {
            Linear.Multiply(_normed, w.Gate[0], _gate.Floats, rows, _pool, _exact);                    // gate [rows, feedForward]
            Linear.Multiply(_normed, w.Up[0], _up.Floats, rows, _pool, _exact);                        // up [rows, feedForward]
            SiluMultiply.Apply(_gate.Floats, _up.Floats, _hidden, rows, NeedsBlocks(w.Down[0]), _pool);    // hidden = silu(gate) · up
        }
        _pool.Ahead.Plan(_pool.Threads, After(layer));
        Linear.Multiply(_hidden, w.Down[0], _update.Floats, rows, _pool, _exact);                      // update [rows, embedding]
        Add.Apply(x, _update.Floats, (long)rows * _config.EmbeddingSize, _pool);
    }

    // What is read after a layer.
    PackedMatrix After(int layer) => layer + 1 < _config.Layers ? _weights.Layers[layer + 1].Query : _weights.Output;

    void Head(float* x, int rows)
    {
        if (rows == 0)
            return;
        RmsNorm.Apply(x, _weights.OutputNorm.Floats, _normed, rows, _config.NormEpsilon, NeedsBlocks(_weights.Output), _pool);
        _pool.Ahead.Plan(_pool.Threads, _weights.Layers[0].Query);
        Linear.Multiply(_normed, _weights.Output, _logits.Floats, rows, _pool, _exact);
    }

    // Moves the rows whose logits are wanted to the front.
    int KeepLogitRows(Batch batch, float* x)
    {
        var size = _config.EmbeddingSize;
        for (var i = 0; i < batch.LogitCount; i++)
            if (batch.LogitRows[i] != i)
                new Span<float>(x + (long)batch.LogitRows[i] * size, size).CopyTo(new Span<float>(x + (long)i * size, size));
        return batch.LogitCount;
    }

    void Embed(Batch batch, float* x)
    {
        var job = new EmbedJob { Weights = _weights, Batch = batch, X = x, Columns = _config.EmbeddingSize };
        _pool.Run(ref job, Parts.ForWork(16L * batch.Count * _config.EmbeddingSize, batch.Count)); // rows are unpacked 16 at a time
    }

    struct EmbedJob : IJob
    {
        public Weights Weights;
        public Batch Batch;
        public float* X;
        public int Columns;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Batch.Count);
            for (var row = first; row < end; row++)
                Weights.Embed(Batch.Tokens[row], X + (long)row * Columns);
        }
    }

    void Cache(int layer, Batch batch, float* k, float* v)
    {
        var job = new CacheJob { Cache = _cache, Batch = batch, Layer = layer, Columns = _config.KeySize, K = k, V = v };
        _pool.Run(ref job, Parts.ForWork(2L * batch.Count * _config.KeySize, batch.Count));
    }

    struct CacheJob : IJob
    {
        public KvCache Cache;
        public Batch Batch;
        public int Layer, Columns;
        public float* K, V;

        public readonly void Work(int number, int parts)
        {
            const int Page = KvLayout.PagePositions;
            var (first, end) = Parts.Range(number, parts, Batch.Count);
            foreach (var part in Batch.Parts)
                for (var row = Math.Max(first, part.First); row < Math.Min(end, part.First + part.Count); row++)
                {
                    var position = Batch.Positions[row];
                    var to = part.Sequence.Pages[position / Page] + Cache.LayerOffset(Layer);
                    Cache.Layout.Write(to, position % Page, K + (long)row * Columns, V + (long)row * Columns);
                }
        }
    }

    ReadOnlySpan<AttentionSpan> Spans(int layer, Batch batch)
    {
        var count = 0;
        foreach (var part in batch.Parts)
            _spans[count++] = new AttentionSpan(part.Sequence.Pages, _cache.LayerOffset(layer), part.First, part.Count, part.Sequence.Length);
        return _spans.AsSpan(0, count);
    }

    static void Bias(float* x, AlignedBuffer? bias, int rows, int columns)
    {
        if (bias is not null)
            Add.Bias(x, bias.Floats, rows, columns);
    }

    public void Dispose()
    {
        foreach (var buffer in new[] { _stream, _queries, _keys, _values, _gate, _up, _update, _logits })
            buffer.Dispose();
        foreach (var activations in new[] { _attentionInput, _attended, _normed, _hidden })
            activations.Dispose();
        _angles.Dispose();
        _experts?.Dispose();
    }
}
