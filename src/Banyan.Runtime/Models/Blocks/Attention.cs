using Banyan.Runtime.Kernels;
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
    readonly QueryKeyValue _queryKeyValue;
    readonly Norm? _queryNorm, _keyNorm;
    readonly Projection _output;

    public Attention(LayerLoader at, AttentionShape shape)
    {
        var embedding = at.Config.EmbeddingSize;
        _shape = shape;
        _state = at.AddKv(shape.KvHeads, shape.HeadSize, shape.ValueSize);
        var all = shape.QueryColumns + shape.KeyColumns + shape.ValueColumns;
        // Some files have all three in one tensor, in that order (phi3).
        _queryKeyValue = at.Has("attn_q.weight")
            ? new QueryKeyValue(
                at.Projection("attn_q", shape.QueryColumns, embedding),
                at.Projection("attn_k", shape.KeyColumns, embedding),
                at.Projection("attn_v", shape.ValueColumns, embedding))
            : new QueryKeyValue(
                at.Part("attn_qkv", 0, shape.QueryColumns, all, embedding),
                at.Part("attn_qkv", shape.QueryColumns, shape.KeyColumns, all, embedding),
                at.Part("attn_qkv", shape.QueryColumns + shape.KeyColumns, shape.ValueColumns, all, embedding));
        if (shape.Norm != QueryKeyNorm.None)
        {
            _queryNorm = at.Norm("attn_q_norm", shape.Norm == QueryKeyNorm.Head ? shape.HeadSize : shape.QueryColumns);
            _keyNorm = at.Norm("attn_k_norm", shape.Norm == QueryKeyNorm.Head ? shape.HeadSize : shape.KeyColumns);
        }
        _output = at.Projection("attn_output", embedding, shape.OutputColumns, at.Config.ResidualScale);
    }

    public AttentionShape Shape => _shape;

    public Projection Query => _queryKeyValue.Projections[0];

    public Projection Key => _queryKeyValue.Projections[1];

    public Projection Value => _queryKeyValue.Projections[2];

    public Projection Output => _output;

    public Norm? QueryNorm => _queryNorm;

    public Norm? KeyNorm => _keyNorm;

    public override int Columns => _output.Rows;

    public override IEnumerable<MatrixProduct> Products => [_queryKeyValue, _output];

    public override LayerState State => _state;

    public override int Terms(Precision precision) => precision.MixerTerms;

    public override long PositionProducts => (long)_shape.Heads * (_shape.HeadSize + _shape.ValueSize);

    public override bool NeedsBlocks(Precision precision) => _queryKeyValue.NeedsBlocks(precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        var (heads, kvHeads) = (_shape.Heads, _shape.KvHeads);
        float* q = pass.Floats(_shape.QueryColumns), k = pass.Floats(_shape.KeyColumns), v = pass.Floats(_shape.ValueColumns);
        _queryKeyValue.Apply(pass, input, q, k, v);                      // q [rows, heads, headSize], k, v [rows, kvHeads, head or value size]
        if (!_shape.NormAfterRope)
            NormQueryKey(pass, q, k);
        if (_shape.Rope is { } rope)
        {
            pass.Rotate(q, heads, _shape.HeadSize, rope);
            pass.Rotate(k, kvHeads, _shape.HeadSize, rope);
        }
        if (_shape.NormAfterRope)
            NormQueryKey(pass, q, k);
        if (_shape.Temperature is { } temperature)
            temperature.Apply(q, pass.Batch.Positions, _shape.QueryColumns);
        pass.Cache.Write(_state, pass.Batch, k, v, pass.Pool);           // pages [kvHeads, positions, headSize and valueSize]
        var attended = pass.Activations(_shape.OutputColumns, Terms(pass.Precision));
        PagedAttention.Run(q, attended.Rows, pass.Spans(_state), pass.Cache.Layout(_state), heads,
            _shape.Scale, pass.Pool, _shape.Window, pass.Precision.ExactMixer);   // attended [rows, heads, valueSize]
        _output.AddTo(pass, attended, x);
    }

    void NormQueryKey(Pass pass, float* q, float* k)
    {
        _queryNorm?.Apply(pass, q, _shape.Norm == QueryKeyNorm.Head ? _shape.Heads : 1);
        _keyNorm?.Apply(pass, k, _shape.Norm == QueryKeyNorm.Head ? _shape.KvHeads : 1);
    }
}
