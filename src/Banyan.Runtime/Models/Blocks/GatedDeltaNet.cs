using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Loading;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// Gated delta net (arXiv 2412.06464), as Qwen3-Next and Qwen3.5 have it: a matrix for each value head in place of a cache, which forgets a
/// little with each token and corrects what it holds for the token's key:
/// <code>
/// q, k, v = silu(conv(Wqkv·x))               k and q of length 1, q ÷ √size
/// g = exp(a · softplus(α + dt)), β = σ(b)    one number a value head
/// S = g·S;  S += k · (β · (v − kᵀ·S))ᵀ       S [key size, value size]
/// output  = Wout · (norm(qᵀ·S) ⊙ silu(z))    z = Wz·x
/// </code>
/// </summary>
internal sealed unsafe class GatedDeltaNet : Block
{
    readonly DeltaNetShape _shape;
    readonly Projection[] _in;  // qkv and z; or both in one, by key heads
    readonly Projection[] _gates; // β and α; or both in one, by key heads
    readonly Projection _out;
    readonly CausalConvolution _convolution;
    readonly AlignedBuffer _a, _dt, _norm;
    readonly RecurrentShape _state; // the convolution's, then S [value heads, key size, value size]
    readonly float _epsilon;

    public GatedDeltaNet(LayerLoader at, DeltaNetShape shape)
    {
        var embedding = at.Config.EmbeddingSize;
        (_shape, _epsilon) = (shape, at.Config.NormEpsilon);
        _in = at.Has("attn_qkv.weight")
            ? [at.Projection("attn_qkv", shape.Channels, embedding), at.Projection("attn_gate", shape.ValueColumns, embedding)]
            : [at.Projection("ssm_in", shape.Channels + shape.ValueColumns, embedding)];
        _gates = at.Has("ssm_ba.weight")
            ? [at.Projection("ssm_ba", 2 * shape.ValueHeads, embedding)]
            : [at.Projection("ssm_beta", shape.ValueHeads, embedding), at.Projection("ssm_alpha", shape.ValueHeads, embedding)];
        _convolution = new CausalConvolution(shape.Kernel, shape.Channels,
            at.Convolution("ssm_conv1d", shape.Channels, shape.Kernel), null);
        (_a, _dt, _norm) = (at.Vector("ssm_a", shape.ValueHeads), at.Vector("ssm_dt.bias", shape.ValueHeads),
            at.Vector("ssm_norm.weight", shape.Size));
        _out = at.Projection("ssm_out", embedding, shape.ValueColumns);
        _state = at.AddRecurrent(_convolution.Floats + (long)shape.ValueColumns * shape.Size);
    }

    public override int Columns => _out.Rows;

    public override IEnumerable<MatrixProduct> Products => [.. _in, .. _gates, _out];

    public override LayerState State => _state;

    public override int Terms(Precision precision) => precision.MixerTerms;

    public override bool NeedsBlocks(Precision precision) =>
        MatrixProduct.AnyNeedsBlocks(_in, precision.Exact) || MatrixProduct.AnyNeedsBlocks(_gates, precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        var (heads, channels, columns) = (_shape.ValueHeads, _shape.Channels, _shape.ValueColumns);
        float* qkv = pass.Floats(channels), z = pass.Floats(columns), beta = pass.Floats(heads), alpha = pass.Floats(heads);
        Project(pass, input, qkv, z, beta, alpha);
        var mixed = pass.Floats(channels);
        _convolution.Apply(pass, qkv, channels, mixed, _state);               // mixed [rows, q and k of key heads, v of value heads]
        var read = pass.Activations(columns, Terms(pass.Precision));
        var job = new Job { Block = this, Batch = pass.Batch, Mixed = mixed, Z = z, Beta = beta, Alpha = alpha, Y = read.Rows };
        pass.Pool.Run(ref job, Parts.ForWork(4L * pass.Rows * columns * _shape.Size, heads));
        _out.AddTo(pass, read, x);                                            // read [rows, value heads, size]
    }

    void Project(Pass pass, Activations input, float* qkv, float* z, float* beta, float* alpha)
    {
        if (_in.Length == 2)
        {
            _in[0].Apply(pass, input, qkv);
            _in[1].Apply(pass, input, z);
        }
        else
        {
            // By key heads: q, k, then v and z of the value heads that share them.
            var (size, shared) = (_shape.Size, _shape.ValueHeads / _shape.KeyHeads * _shape.Size);
            var all = pass.Floats(_in[0].Rows);
            _in[0].Apply(pass, input, all);
            for (var row = 0; row < pass.Rows; row++)
                for (var head = 0; head < _shape.KeyHeads; head++)
                {
                    var from = all + (long)row * _in[0].Rows + head * (2 * size + 2 * shared);
                    var to = qkv + (long)row * _shape.Channels;
                    Copy(from, to + head * size, size);
                    Copy(from + size, to + (_shape.KeyHeads + head) * size, size);
                    Copy(from + 2 * size, to + 2 * _shape.KeyHeads * size + head * shared, shared);
                    Copy(from + 2 * size + shared, z + (long)row * _shape.ValueColumns + head * shared, shared);
                }
        }
        if (_gates.Length == 2)
        {
            _gates[0].Apply(pass, input, beta);
            _gates[1].Apply(pass, input, alpha);
            return;
        }
        var both = pass.Floats(2 * _shape.ValueHeads);
        _gates[0].Apply(pass, input, both);
        var each = _shape.ValueHeads / _shape.KeyHeads;
        for (var row = 0; row < pass.Rows; row++)
            for (var head = 0; head < _shape.KeyHeads; head++)
            {
                var from = both + ((long)row * _shape.KeyHeads + head) * 2 * each;
                Copy(from, beta + (long)row * _shape.ValueHeads + head * each, each);
                Copy(from + each, alpha + (long)row * _shape.ValueHeads + head * each, each);
            }
    }

    static void Copy(float* from, float* to, int count) => new Span<float>(from, count).CopyTo(new Span<float>(to, count));

    // Some value heads of all rows.
    struct Job : IJob
    {
        public GatedDeltaNet Block;
        public Batch Batch;
        public float* Mixed, Z, Beta, Alpha, Y;

        public readonly void Work(int number, int parts)
        {
            var (first, end) = Parts.Range(number, parts, Block._shape.ValueHeads);
            foreach (var part in Batch.Parts)
                for (var head = first; head < end; head++)
                    Block.Head(part, head, this);
        }
    }

    void Head(Batch.Part part, int head, in Job job)
    {
        var (size, heads, keyHeads) = (_shape.Size, _shape.ValueHeads, _shape.KeyHeads);
        var keyHead = _shape.Tiled ? head % keyHeads : head / (heads / keyHeads);
        var state = new HeadState(part, _state, _convolution.Floats + (long)head * size * size, size * size);
        var together = DeltaRule.Tokens(size, part.Count);
        float* q = stackalloc float[together * size], k = stackalloc float[together * size];
        float* keep = stackalloc float[together], rate = stackalloc float[together];
        for (int row = 0, end; row < part.Count; row = end)
        {
            end = state.Next(row, row + together);
            var at = (long)(part.First + row);
            for (var i = 0; i < end - row; i++)
            {
                var mixed = job.Mixed + (at + i) * _shape.Channels;
                Copy(mixed + keyHead * size, q + i * size, size);
                Copy(mixed + (keyHeads + keyHead) * size, k + i * size, size);
                FloatRows.Normalize(q + i * size, size, _epsilon, 1 / MathF.Sqrt(size));
                FloatRows.Normalize(k + i * size, size, _epsilon);
                keep[i] = MathF.Exp(_a.Floats[head] * FloatRows.Softplus(job.Alpha[(at + i) * heads + head] + _dt.Floats[head]));
                rate[i] = FloatRows.Sigmoid(job.Beta[(at + i) * heads + head]);
            }
            DeltaRule.Correct(state.Floats, size, new()
            {
                Count = end - row,
                Queries = q,
                Keys = k,
                Keep = keep,
                Rate = rate,
                Values = job.Mixed + at * _shape.Channels + (2 * keyHeads + head) * size,
                ValueStride = _shape.Channels,
                Outputs = job.Y + (at * heads + head) * size,
                OutputStride = heads * size,
            });
            for (var i = 0; i < end - row; i++)
            {
                var y = job.Y + ((at + i) * heads + head) * size;
                FloatRows.Norm(y, _norm.Floats, size, _epsilon);
                FloatRows.MultiplyBySilu(y, job.Z + (at + i) * _shape.ValueColumns + head * size, size);
            }
            state.Keep(end);
        }
    }
}

/// <summary>The shape of a gated delta net.</summary>
/// <param name="KeyHeads">Heads of queries and keys.</param>
/// <param name="ValueHeads">Heads of values; a multiple.</param>
/// <param name="Size">Width of all of them.</param>
/// <param name="Kernel">Tokens of the convolution.</param>
/// <param name="Tiled">Value head h has key head h mod <paramref name="KeyHeads"/> (Qwen3.5 in GGUF); else neighbours share one.</param>
internal sealed record DeltaNetShape(int KeyHeads, int ValueHeads, int Size, int Kernel, bool Tiled)
{
    /// <summary>What the convolution takes: q, k and v.</summary>
    public int Channels => (2 * KeyHeads + ValueHeads) * Size;

    public int ValueColumns => ValueHeads * Size;
}
