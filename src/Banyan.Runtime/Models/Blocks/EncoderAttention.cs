using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// Attention of an encoder (arXiv 1706.03762): every token of a text sees every other, all of them in one pass, so that nothing is kept:
/// <code>
/// q, k, v = Wq·x, Wk·x, Wv·x
/// output  = Wo · softmax(q·kᵀ · scale − slope · |distance|) · v       the slope (ALiBi, arXiv 2108.12409) only where the shape has it
/// </code>
/// A window is symmetric: half of it to each side.
/// </summary>
internal sealed unsafe class EncoderAttention : Block
{
    readonly AttentionShape _shape;
    readonly bool _hasSlopes;
    readonly QueryKeyValue _queryKeyValue;
    readonly Norm? _queryNorm, _keyNorm;
    readonly Projection _output;

    public EncoderAttention(LayerLoader at, AttentionShape shape, bool hasSlopes = false)
    {
        var embedding = at.Config.EmbeddingSize;
        (_shape, _hasSlopes) = (shape, hasSlopes);
        var all = shape.QueryColumns + shape.KeyColumns + shape.ValueColumns;
        _queryKeyValue = at.Has("attn_q.weight")
            ? new QueryKeyValue(at.Projection("attn_q", shape.QueryColumns, embedding),
                at.Projection("attn_k", shape.KeyColumns, embedding), at.Projection("attn_v", shape.ValueColumns, embedding))
            : new QueryKeyValue(at.Part("attn_qkv", 0, shape.QueryColumns, all, embedding),
                at.Part("attn_qkv", shape.QueryColumns, shape.KeyColumns, all, embedding),
                at.Part("attn_qkv", shape.QueryColumns + shape.KeyColumns, shape.ValueColumns, all, embedding));
        if (shape.Norm == QueryKeyNorm.Head)
            (_queryNorm, _keyNorm) = (at.RmsNorm("attn_q_norm", shape.HeadSize), at.RmsNorm("attn_k_norm", shape.HeadSize));
        else if (at.Has("attn_q_norm.weight"))
            (_queryNorm, _keyNorm) = (at.LayerNorm("attn_q_norm", shape.QueryColumns), at.LayerNorm("attn_k_norm", shape.KeyColumns));
        _output = at.Projection("attn_output", embedding, shape.OutputColumns);
    }

    public override int Columns => _output.Rows;

    public override IEnumerable<MatrixProduct> Products => [_queryKeyValue, _output];

    public override bool NeedsBlocks(Precision precision) => _queryKeyValue.NeedsBlocks(precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        float* q = pass.Floats(_shape.QueryColumns), k = pass.Floats(_shape.KeyColumns), v = pass.Floats(_shape.ValueColumns);
        // q [rows, heads, headSize], k, v [rows, kvHeads, head or value size]
        _queryKeyValue.Apply(pass, input, q, k, v);
        _queryNorm?.Apply(pass, q, _shape.QueryColumns / _queryNorm.Columns);
        _keyNorm?.Apply(pass, k, _shape.KeyColumns / _keyNorm.Columns);
        if (_shape.Rope is { } rope)
        {
            pass.Rotate(q, _shape.Heads, _shape.HeadSize, rope);
            pass.Rotate(k, _shape.KvHeads, _shape.HeadSize, rope);
        }
        var attended = pass.Activations(_shape.OutputColumns);
        var longest = 0;
        foreach (var part in pass.Batch.Parts)
            longest = Math.Max(longest, part.Count);
        var job = new Job { Block = this, Batch = pass.Batch, Q = q, K = k, V = v, Y = attended.Rows, Longest = longest };
        pass.Pool.Run(ref job, Math.Min(_shape.Heads, Parts.ForWork(2L * pass.Rows * longest * _shape.QueryColumns, _shape.Heads)));
        _output.AddTo(pass, attended, x);                                // attended [rows, heads, valueSize]
    }

    // Some heads of all texts.
    struct Job : IJob
    {
        public EncoderAttention Block;
        public Batch Batch;
        public float* Q, K, V, Y;
        public int Longest;

        public readonly void Work(int number, int parts)
        {
            var (first, end) = Parts.Range(number, parts, Block._shape.Heads);
            long keys = Padded(Longest), size = Block._shape.HeadSize, values = Padded(Block._shape.ValueSize);
            var scratch = (float*)Scratch.ForPart((keys * (size + values) + QueriesAtOnce * (size + keys + values)) * sizeof(float));
            foreach (var part in Batch.Parts)
                for (var head = first; head < end; head++)
                    Block.Head(part, head, this, scratch);
        }
    }

    const int Lanes = 16, QueriesAtOnce = 12;

    static int Padded(int count) => (count + Lanes - 1) / Lanes * Lanes;

    void Head(Batch.Part part, int head, in Job job, float* scratch)
    {
        var (size, valueSize, kvHeads, rung) = (_shape.HeadSize, _shape.ValueSize, _shape.KvHeads, Ladder.Current);
        var (kvHead, slope, keyCount, valueStride) =
            (head / (_shape.Heads / kvHeads), _hasSlopes ? Slope(head, _shape.Heads) : 0, Padded(part.Count), Padded(valueSize));
        // keys [16 of them at a time, size, 16], values [keys, padded], queries [12, size], scores [12, keys], result [12, padded]
        float* keys = scratch, values = keys + (long)keyCount * size, queries = values + (long)keyCount * valueStride;
        float* scores = queries + QueriesAtOnce * size, result = scores + QueriesAtOnce * keyCount;
        for (var j = 0; j < keyCount; j++)
        {
            var key = job.K + ((long)(part.First + j) * kvHeads + kvHead) * size;
            var to = keys + (long)(j / Lanes) * Lanes * size + j % Lanes;
            for (var i = 0; i < size; i++)
                to[i * Lanes] = j < part.Count ? key[i] : 0;
        }
        for (var j = 0; j < part.Count; j++)
        {
            var row = new Span<float>(values + (long)j * valueStride, valueStride);
            new ReadOnlySpan<float>(job.V + ((long)(part.First + j) * kvHeads + kvHead) * valueSize, valueSize).CopyTo(row);
            row[valueSize..].Clear();
        }
        for (var first = 0; first < part.Count; first += QueriesAtOnce)
        {
            var count = Math.Min(QueriesAtOnce, part.Count - first);
            var (firstKey, endKey) = (SeenFrom(first), SeenTo(first + count - 1, part.Count));
            new Span<float>(queries, QueriesAtOnce * size).Clear();
            new Span<float>(scores, QueriesAtOnce * keyCount).Clear();
            new Span<float>(result, QueriesAtOnce * valueStride).Clear();
            for (var i = 0; i < count; i++)
                new ReadOnlySpan<float>(job.Q + ((long)(part.First + first + i) * _shape.Heads + head) * size,
                    size).CopyTo(new Span<float>(queries + i * size, size));
            for (var j = firstKey / Lanes * Lanes; j < endKey; j += Lanes)
                rung.MultiplyFloatTiles(keys + (long)j * size, Lanes, size, queries, size, count, scores + j, keyCount);
            for (var i = 0; i < count; i++)
            {
                var (from, to) = (SeenFrom(first + i), SeenTo(first + i, part.Count));
                var row = scores + (long)i * keyCount;
                Weigh(row, from, to, first + i, slope);
                // What others of these queries see and this one does not.
                new Span<float>(row + firstKey, from - firstKey).Clear();
                new Span<float>(row + to, endKey - to).Clear();
            }
            for (var i = 0; i < valueStride; i += Lanes)
                rung.MultiplyFloatTiles(values + (long)firstKey * valueStride + i, valueStride, endKey - firstKey, scores + firstKey,
                    keyCount, count, result + i, valueStride);
            for (var i = 0; i < count; i++)
                new ReadOnlySpan<float>(result + i * valueStride,
                    valueSize).CopyTo(
                        new Span<float>(job.Y + ((long)(part.First + first + i) * _shape.Heads + head) * valueSize, valueSize));
        }
    }

    int SeenFrom(int query) => _shape.Window > 0 ? Math.Max(0, query - _shape.Window / 2) : 0;

    int SeenTo(int query, int count) => _shape.Window > 0 ? Math.Min(count, query + _shape.Window / 2 + 1) : count;

    // Scores become shares.
    void Weigh(float* scores, int from, int to, int query, float slope)
    {
        Scale.Apply(scores + from, _shape.Scale, to - from);
        for (var j = from; slope != 0 && j < to; j++)
            scores[j] -= slope * Math.Abs(query - j);
        Softmax.Apply(scores + from, to - from);
    }

    // ALiBi's: 2^(−8·(h + 1) ÷ heads) for a power of two; of other numbers those beyond it lie between.
    static float Slope(int head, int heads)
    {
        const float MaxBias = 8;
        var power = 1 << (int)Math.Floor(Math.Log2(heads));
        return head < power ? MathF.Pow(2, -MaxBias / power * (head + 1)) : MathF.Pow(2, -MaxBias / 2 / power * (2 * (head - power) + 1));
    }
}
