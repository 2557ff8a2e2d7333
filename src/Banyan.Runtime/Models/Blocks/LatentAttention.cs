using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// Latent attention (DeepSeek-V2, arXiv 2405.04434): all heads share one compressed key, which is the value too; the expanding matrices are
/// applied to the queries and after the attention instead:
/// <code>
/// c, r    = Wkv·x                             c normed, r turned by its position
/// q_n, q_r = Wq·x  (or Wqb · norm(Wqa·x))     a head each; q_r turned
/// output  = Wo · [Vh · softmax([Kh·q_n, q_r]·[c, r]ᵀ · scale)·c for each head h]
/// </code>
/// </summary>
internal sealed unsafe class LatentAttention : Block
{
    readonly LatentShape _shape;
    readonly KvShape _state;
    readonly Projection? _queryDown;
    readonly Norm? _queryNorm;
    readonly Projection _query, _compress, _output;
    readonly Norm _norm;
    readonly Projection[] _keys, _values; // a head each: [latent, plain], [value, latent]

    public LatentAttention(LayerLoader at, LatentShape shape)
    {
        var embedding = at.Config.EmbeddingSize;
        _shape = shape;
        if (shape.QueryRank > 0)
        {
            _queryDown = at.Projection("attn_q_a", shape.QueryRank, embedding);
            _queryNorm = at.RmsNorm("attn_q_a_norm", shape.QueryRank);
        }
        _query = shape.QueryRank > 0
            ? at.Projection("attn_q_b", shape.Heads * shape.HeadSize, shape.QueryRank)
            : at.Projection("attn_q", shape.Heads * shape.HeadSize, embedding);
        _compress = at.Projection("attn_kv_a_mqa", shape.KeySize, embedding);
        _norm = at.RmsNorm("attn_kv_a_norm", shape.Latent);
        _keys = at.Experts("attn_k_b", shape.Heads, shape.Latent, shape.Plain);
        _values = at.Experts("attn_v_b", shape.Heads, shape.ValueSize, shape.Latent);
        _output = at.Projection("attn_output", embedding, shape.Heads * shape.ValueSize);
        _state = at.AddKv(1, shape.KeySize, shape.Latent, valuesAreKeys: true);
    }

    public override int Columns => _output.Rows;

    public override IEnumerable<MatrixProduct> Products =>
        [.. _queryDown is null ? (MatrixProduct[])[] : [_queryDown], _query, _compress, .. _keys, .. _values, _output];

    public override LayerState State => _state;

    public override int Terms(Precision precision) => precision.MixerTerms;

    public override long PositionProducts => (long)_shape.Heads * (_shape.KeySize + _shape.Latent);

    public override bool NeedsBlocks(Precision precision) =>
        (_queryDown ?? _query).NeedsBlocks(precision.Exact) || _compress.NeedsBlocks(precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        var (heads, latent, plain, turned, terms) = (_shape.Heads, _shape.Latent, _shape.Plain, _shape.Turned, Terms(pass.Precision));
        float* q = pass.Floats(heads * _shape.HeadSize), kv = pass.Floats(_shape.KeySize), c = pass.Floats(latent), r =
            pass.Floats(turned), qr = pass.Floats(heads * turned);
        Queries(pass, input, q);                                             // q [rows, heads, plain + turned]
        _compress.Apply(pass, input, kv);                                    // kv [rows, latent + turned]
        for (var row = 0; row < pass.Rows; row++)
        {
            Copy(kv + (long)row * _shape.KeySize, c + (long)row * latent, latent);
            Copy(kv + (long)row * _shape.KeySize + latent, r + (long)row * turned, turned);
            for (var head = 0; head < heads; head++)
                Copy(q + ((long)row * heads + head) * _shape.HeadSize + plain, qr + ((long)row * heads + head) * turned, turned);
        }
        _norm.Apply(pass, c);
        pass.Rotate(r, 1, turned, _shape.Rope);
        pass.Rotate(qr, heads, turned, _shape.Rope);
        var absorbed = Absorb(pass, q, qr, terms);                           // absorbed [rows, heads, latent + turned]
        for (var row = 0; row < pass.Rows; row++)
        {
            Copy(c + (long)row * latent, kv + (long)row * _shape.KeySize, latent);
            Copy(r + (long)row * turned, kv + (long)row * _shape.KeySize + latent, turned);
        }
        pass.Cache.Write(_state, pass.Batch, kv, c, pass.Pool);
        var attended = pass.Floats(heads * latent);
        PagedAttention.Run(absorbed, attended, pass.Spans(_state), pass.Cache.Layout(_state), heads, _shape.Scale, pass.Pool,
            exact: pass.Precision.ExactMixer);
        var expanded = pass.Activations(heads * _shape.ValueSize, terms);
        Expand(pass, attended, expanded.Rows, terms);                        // expanded [rows, heads, value]
        _output.AddTo(pass, expanded, x);
    }

    void Queries(Pass pass, Activations input, float* q)
    {
        if (_queryDown is null)
        {
            _query.Apply(pass, input, q);
            return;
        }
        var low = pass.Floats(_shape.QueryRank);
        _queryDown.Apply(pass, input, low);
        var normed = pass.Activations(_shape.QueryRank, Terms(pass.Precision));
        _queryNorm!.Apply(pass, low, normed, _query.NeedsBlocks(pass.Precision.Exact));
        _query.Apply(pass, normed, q);
    }

    // Head by head: Kh·q_n, and behind it q_r.
    float* Absorb(Pass pass, float* q, float* turned, int terms)
    {
        var (heads, key) = (_shape.Heads, _shape.KeySize);
        float* all = pass.Floats(heads * key), one = pass.Floats(_shape.Latent);
        for (var head = 0; head < heads; head++)
        {
            using var frame = pass.Memory.Begin();
            var plain = pass.Activations(_shape.Plain, terms);
            for (var row = 0; row < pass.Rows; row++)
                Copy(q + ((long)row * heads + head) * _shape.HeadSize, plain.Row(row), _shape.Plain);
            _keys[head].Apply(pass, plain, one);
            for (var row = 0; row < pass.Rows; row++)
            {
                var to = all + ((long)row * heads + head) * key;
                Copy(one + (long)row * _shape.Latent, to, _shape.Latent);
                Copy(turned + ((long)row * heads + head) * _shape.Turned, to + _shape.Latent, _shape.Turned);
            }
        }
        return all;
    }

    void Expand(Pass pass, float* attended, float* to, int terms)
    {
        var (heads, size) = (_shape.Heads, _shape.ValueSize);
        var one = pass.Floats(size);
        for (var head = 0; head < heads; head++)
        {
            using var frame = pass.Memory.Begin();
            var latent = pass.Activations(_shape.Latent, terms);
            for (var row = 0; row < pass.Rows; row++)
                Copy(attended + ((long)row * heads + head) * _shape.Latent, latent.Row(row), _shape.Latent);
            _values[head].Apply(pass, latent, one);
            for (var row = 0; row < pass.Rows; row++)
                Copy(one + (long)row * size, to + ((long)row * heads + head) * size, size);
        }
    }

    static void Copy(float* from, float* to, int count) => new Span<float>(from, count).CopyTo(new Span<float>(to, count));
}

/// <summary>The shape of latent attention.</summary>
/// <param name="Heads">Heads.</param>
/// <param name="QueryRank">The width that queries are compressed to; 0: not compressed.</param>
/// <param name="Latent">The width that keys and values are compressed to.</param>
/// <param name="Plain">The columns of a head's query that are not rotated.</param>
/// <param name="Turned">The columns that are rotated.</param>
/// <param name="ValueSize">Width of a value head.</param>
/// <param name="Scale">What scores are multiplied by.</param>
/// <param name="Rope">Their rotary positions.</param>
internal sealed record LatentShape(int Heads, int QueryRank, int Latent, int Plain, int Turned, int ValueSize, float Scale, RopeConfig Rope)
{
    public int HeadSize => Plain + Turned;

    /// <summary>What the cache has as a key.</summary>
    public int KeySize => Latent + Turned;
}
