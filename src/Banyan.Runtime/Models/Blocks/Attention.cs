using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// Grouped-query attention (arXiv 2305.13245) with rotary positions, over the keys and values of the sequence so far:
/// <code>
/// q, k, v = Wq·x, Wk·x, Wv·x        normed and turned by their position where the shape says so
/// output  = Wo · softmax(q·kᵀ · scale) · v
/// </code>
/// </summary>
internal sealed unsafe class Attention : Block
{
    readonly AttentionShape _shape;
    readonly KvShape _state;
    readonly QueryKeyValue? _queryKeyValue; // null where keys are values, or another layer's
    readonly Projection _query, _output;
    readonly MatrixProduct[] _inputs; // of queries, keys and values
    readonly Projection? _key, _value, _gate;
    readonly Norm? _queryNorm, _keyNorm;
    readonly AlignedBuffer? _sinks; // [heads]
    readonly float _epsilon;
    readonly bool _ownsKeys;

    /// <param name="at">The layer's tensors.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="keysOf">The layer whose keys and values it reads instead of having its own (Gemma 4); null for none.</param>
    public Attention(LayerLoader at, AttentionShape shape, Attention? keysOf = null)
    {
        var embedding = at.Config.EmbeddingSize;
        (_shape, _epsilon, _ownsKeys) = (shape, at.Config.NormEpsilon, keysOf is null);
        _state = keysOf?._state ?? at.AddKv(shape.KvHeads, shape.HeadSize, shape.ValueSize, shape.Window);
        var (queries, all) = (shape.QueryColumns * (shape.Gate == AttentionGate.InQuery ? 2 : 1),
            shape.QueryColumns + shape.KeyColumns + shape.ValueColumns);
        // Some files have all three in one tensor, in that order (phi3).
        var isWhole = !at.Has("attn_q.weight");
        _query = isWhole ? at.Part("attn_qkv", 0, shape.QueryColumns, all, embedding) : at.Projection("attn_q", queries, embedding);
        if (_ownsKeys)
        {
            _key = isWhole ? at.Part("attn_qkv", shape.QueryColumns, shape.KeyColumns, all, embedding)
                : at.Projection("attn_k", shape.KeyColumns, embedding);
            _value = shape.KeysAreValues ? null
                : isWhole ? at.Part("attn_qkv", shape.QueryColumns + shape.KeyColumns, shape.ValueColumns, all, embedding)
                : at.Projection("attn_v", shape.ValueColumns, embedding);
        }
        _queryKeyValue = _key is not null && _value is not null ? new QueryKeyValue(_query, _key, _value) : null;
        _inputs = _queryKeyValue is not null ? [_queryKeyValue] : _key is null ? [_query] : [_query, _key];
        if (shape.Norm != QueryKeyNorm.None)
        {
            _queryNorm = Norm(at, "attn_q_norm", shape.Norm == QueryKeyNorm.Row ? shape.QueryColumns : shape.HeadSize);
            _keyNorm = _ownsKeys ? Norm(at, "attn_k_norm", shape.Norm == QueryKeyNorm.Row ? shape.KeyColumns : shape.HeadSize) : null;
        }
        _gate = shape.Gate == AttentionGate.Own ? at.Projection("attn_gate", shape.OutputColumns, embedding) : null;
        _sinks = shape.HasSinks ? at.Vector("attn_sinks.weight", shape.Heads) : null;
        _output = at.Projection("attn_output", embedding, shape.OutputColumns, at.Config.ResidualScale);
    }

    Norm Norm(LayerLoader at, string name, int columns) =>
        _shape.Norm == QueryKeyNorm.Unit ? at.UnitNorm(name, columns) : at.RmsNorm(name, columns);

    public AttentionShape Shape => _shape;

    /// <summary>The part without a gradient so far; null if there is none.</summary>
    public string? WithoutGradient => _ownsKeys ? _shape.WithoutGradient : "share keys and values among layers";

    public Projection Query => _query;

    public Projection Key => _key ?? throw new InvalidOperationException("the keys are another layer's");

    public Projection Value => _value ?? throw new InvalidOperationException("the values are the keys, or another layer's");

    public Projection Output => _output;

    public Norm? QueryNorm => _queryNorm;

    public Norm? KeyNorm => _keyNorm;

    public override int Columns => _output.Rows;

    public override IEnumerable<MatrixProduct> Products =>
        [.. _inputs, .. _gate is null ? (MatrixProduct[])[] : [_gate], _output];

    public override LayerState State => _state;

    public override int Terms(Precision precision) => precision.MixerTerms;

    public override long PositionProducts => (long)_shape.Heads * (_shape.HeadSize + _shape.ValueSize);

    public override bool NeedsBlocks(Precision precision) => MatrixProduct.AnyNeedsBlocks(_inputs, precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        float* q = pass.Floats(_shape.QueryColumns), k = pass.Floats(_shape.KeyColumns), v = pass.Floats(_shape.ValueColumns);
        var gate = _shape.Gate == AttentionGate.None ? null : pass.Floats(_shape.OutputColumns);
        // q [rows, heads, headSize], k, v [rows, kvHeads, head or value size]
        Project(pass, input, q, k, v, gate);
        if (!_shape.NormAfterRope)
            NormQueryKey(pass, q, k);
        if (_shape.Rope is { } rope)
        {
            pass.Rotate(q, _shape.Heads, _shape.HeadSize, rope);
            if (_ownsKeys)
                pass.Rotate(k, _shape.KvHeads, _shape.HeadSize, rope);
        }
        if (_shape.NormAfterRope)
            NormQueryKey(pass, q, k);
        for (var head = 0; _shape.NormsValues && _ownsKeys && head < pass.Rows * _shape.KvHeads; head++)
            FloatRows.Norm(v + (long)head * _shape.ValueSize, null, _shape.ValueSize, _epsilon);
        if (_shape.Temperature is { } temperature)
            temperature.Apply(q, pass.Batch.Positions, _shape.QueryColumns);
        if (_ownsKeys)
            pass.Cache.Write(_state, pass.Batch, k, v, pass.Pool);       // pages [kvHeads, positions, headSize and valueSize]
        var attended = pass.Activations(_shape.OutputColumns, Terms(pass.Precision));
        PagedAttention.Run(q, attended.Rows, pass.Spans(_state), pass.Cache.Layout(_state), _shape.Heads,
            // attended [rows, heads, valueSize]
            _shape.Scale, pass.Pool, _shape.Window, pass.Precision.ExactMixer, _shape.SoftCap, _sinks is null ? null : _sinks.Floats);
        for (var row = 0; gate is not null && row < pass.Rows; row++)
            FloatRows.MultiplyBySigmoid(attended.Row(row), gate + (long)row * _shape.OutputColumns, _shape.OutputColumns);
        _output.AddTo(pass, attended, x);
    }

    void Project(Pass pass, Activations input, float* q, float* k, float* v, float* gate)
    {
        // With a gate, each head's query has it behind.
        var queries = _shape.Gate == AttentionGate.InQuery ? pass.Floats(_query.Rows) : q;
        if (_queryKeyValue is not null)
            _queryKeyValue.Apply(pass, input, queries, k, v);
        else
        {
            _query.Apply(pass, input, queries);
            _key?.Apply(pass, input, k);
            if (_key is not null)
                new Span<float>(k, pass.Rows * _shape.KeyColumns).CopyTo(new Span<float>(v, pass.Rows * _shape.ValueColumns));
        }
        _gate?.Apply(pass, input, gate);
        var size = _shape.HeadSize;
        for (var head = 0L; queries != q && head < (long)pass.Rows * _shape.Heads; head++)
        {
            new Span<float>(queries + 2 * head * size, size).CopyTo(new Span<float>(q + head * size, size));
            new Span<float>(queries + (2 * head + 1) * size, size).CopyTo(new Span<float>(gate + head * size, size));
        }
    }

    void NormQueryKey(Pass pass, float* q, float* k)
    {
        _queryNorm?.Apply(pass, q, _shape.Norm == QueryKeyNorm.Row ? 1 : _shape.Heads);
        _keyNorm?.Apply(pass, k, _shape.Norm == QueryKeyNorm.Row ? 1 : _shape.KvHeads);
    }
}
