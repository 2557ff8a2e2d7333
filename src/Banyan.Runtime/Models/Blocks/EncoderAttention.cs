using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
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
            ? new QueryKeyValue(at.Projection("attn_q", shape.QueryColumns, embedding), at.Projection("attn_k", shape.KeyColumns, embedding), at.Projection("attn_v", shape.ValueColumns, embedding))
            : new QueryKeyValue(at.Part("attn_qkv", 0, shape.QueryColumns, all, embedding), at.Part("attn_qkv", shape.QueryColumns, shape.KeyColumns, all, embedding),
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
        _queryKeyValue.Apply(pass, input, q, k, v);                      // q [rows, heads, headSize], k, v [rows, kvHeads, head or value size]
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
            var scores = (float*)Scratch.ForPart((Longest + 16L) * sizeof(float));
            foreach (var part in Batch.Parts)
                for (var head = first; head < end; head++)
                    Block.Head(part, head, this, scores);
        }
    }

    void Head(Batch.Part part, int head, in Job job, float* scores)
    {
        var (size, valueSize, kvHeads) = (_shape.HeadSize, _shape.ValueSize, _shape.KvHeads);
        var (kvHead, slope) = (head / (_shape.Heads / kvHeads), _hasSlopes ? Slope(head, _shape.Heads) : 0);
        for (var i = 0; i < part.Count; i++)
        {
            var (first, end) = _shape.Window > 0 ? (Math.Max(0, i - _shape.Window / 2), Math.Min(part.Count, i + _shape.Window / 2 + 1)) : (0, part.Count);
            var query = job.Q + ((long)(part.First + i) * _shape.Heads + head) * size;
            for (var j = first; j < end; j++)
                scores[j - first] = FloatRows.Dot(query, job.K + ((long)(part.First + j) * kvHeads + kvHead) * size, size) * _shape.Scale - slope * Math.Abs(i - j);
            Softmax.Apply(scores, end - first);
            var to = job.Y + ((long)(part.First + i) * _shape.Heads + head) * valueSize;
            new Span<float>(to, valueSize).Clear();
            for (var j = first; j < end; j++)
                FloatRows.Blend(to, 1, job.V + ((long)(part.First + j) * kvHeads + kvHead) * valueSize, scores[j - first], valueSize);
        }
    }

    // ALiBi's: 2^(−8·(h + 1) ÷ heads) for a power of two; of other numbers those beyond it lie between.
    static float Slope(int head, int heads)
    {
        const float MaxBias = 8;
        var power = 1 << (int)Math.Floor(Math.Log2(heads));
        return head < power ? MathF.Pow(2, -MaxBias / power * (head + 1)) : MathF.Pow(2, -MaxBias / 2 / power * (2 * (head - power) + 1));
    }
}
