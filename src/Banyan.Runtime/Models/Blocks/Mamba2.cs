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
/// Mamba 2 (arXiv 2405.21060): each head keeps a matrix [size, states] that decays with each token:
/// <code>
/// z, u, dt  = Win·x                           u [inner + 2 · groups · states]
/// u, B, C   = silu(conv(u))                   B and C [groups, states] are of all heads of a group
/// dt = softplus(dt + bias)                    one number a head
/// S = exp(dt·a)·S + dt · u·Bᵀ;  y = S·C + d·u
/// output    = Wout · norm(y ⊙ silu(z))        the norm group by group
/// </code>
/// </summary>
internal sealed unsafe class Mamba2 : Block
{
    readonly Mamba2Shape _shape;
    readonly Projection _in, _out;
    readonly CausalConvolution _convolution;
    readonly AlignedBuffer _a, _d, _dt;
    readonly AlignedBuffer? _norm;  // [inner]; Falcon-H1's smaller models have none
    readonly RecurrentShape _state; // the convolution's, then S [heads, size, states]
    readonly float _epsilon;

    public Mamba2(LayerLoader at, Mamba2Shape shape)
    {
        var embedding = at.Config.EmbeddingSize;
        (_shape, _epsilon) = (shape, at.Config.NormEpsilon);
        _in = at.Projection("ssm_in", shape.Inner + shape.Channels + shape.Heads, embedding);
        _convolution = new CausalConvolution(shape.Kernel, shape.Channels, at.Convolution("ssm_conv1d", shape.Channels, shape.Kernel),
            at.Vector("ssm_conv1d.bias", shape.Channels));
        (_a, _d, _dt) = (at.Column("ssm_a", shape.Heads), at.Column("ssm_d", shape.Heads), at.Vector("ssm_dt.bias", shape.Heads));
        _norm = at.Has("ssm_norm.weight") ? at.Flat("ssm_norm.weight", shape.Groups, shape.Inner / shape.Groups) : null;
        _out = at.Projection("ssm_out", embedding, shape.Inner, at.Config.ResidualScale);
        _state = at.AddRecurrent(_convolution.Floats + (long)shape.Inner * shape.States);
    }

    public override int Columns => _out.Rows;

    public override IEnumerable<MatrixProduct> Products => [_in, _out];

    public override LayerState State => _state;

    public override int Terms(Precision precision) => precision.MixerTerms;

    public override bool NeedsBlocks(Precision precision) => _in.NeedsBlocks(precision.Exact);

    public override void Run(Pass pass, Activations input, float* x)
    {
        var (inner, groups) = (_shape.Inner, _shape.Groups);
        var zudt = pass.Floats(_in.Rows);
        _in.Apply(pass, input, zudt);                                         // zudt [rows, z inner, u channels, dt heads]
        var mixed = pass.Floats(_shape.Channels);
        _convolution.Apply(pass, zudt + inner, _in.Rows, mixed, _state);      // mixed [rows, u inner, B groups · states, C groups · states]
        var read = pass.Activations(inner, Terms(pass.Precision));
        var job = new Job { Block = this, Batch = pass.Batch, In = zudt, Mixed = mixed, Y = read.Rows };
        pass.Pool.Run(ref job, Parts.ForWork(4L * pass.Rows * inner * _shape.States, _shape.Heads));
        for (var row = 0; _norm is not null && row < pass.Rows; row++)
            for (var group = 0; group < groups; group++)
                FloatRows.Norm(read.Row(row) + group * (inner / groups), _norm.Floats + group * (inner / groups), inner / groups, _epsilon);
        _out.AddTo(pass, read, x);                                            // read [rows, inner]
    }

    // Some heads of all rows.
    struct Job : IJob
    {
        public Mamba2 Block;
        public Batch Batch;
        public float* In, Mixed, Y;

        public readonly void Work(int number, int parts)
        {
            var (first, end) = Parts.Range(number, parts, Block._shape.Heads);
            foreach (var part in Batch.Parts)
                for (var head = first; head < end; head++)
                    Block.Head(part, head, this);
        }
    }

    void Head(Batch.Part part, int head, in Job job)
    {
        var (inner, states, size) = (_shape.Inner, _shape.States, _shape.Inner / _shape.Heads);
        var group = head / (_shape.Heads / _shape.Groups);
        var state = new HeadState(part, _state, _convolution.Floats + (long)head * size * states, size * states);
        var input = stackalloc float[size];
        for (var row = 0; row < part.Count; row++)
        {
            var at = (long)(part.First + row);
            float* z = job.In + at * _in.Rows + head * size, u = job.Mixed + at * _shape.Channels + head * size;
            float* b = job.Mixed + at * _shape.Channels + inner + group * states, c = b + _shape.Groups * states, y = job.Y
                + at * inner + head * size;
            var dt = FloatRows.Softplus(job.In[at * _in.Rows + inner + _shape.Channels + head] + _dt.Floats[head]);
            var keep = MathF.Exp(dt * _a.Floats[head]);
            for (var i = 0; i < size; i++)
                input[i] = dt * u[i];
            MatrixState.Update(state.Floats, keep, b, input, c, y, states, size);
            FloatRows.Blend(y, 1, u, _d.Floats[head], size);
            FloatRows.MultiplyBySilu(y, z, size);
            state.Keep(row + 1);
        }
    }
}

/// <summary>The shape of a Mamba 2 mixer.</summary>
/// <param name="Inner">Width of all heads.</param>
/// <param name="Heads">Heads.</param>
/// <param name="States">Numbers kept for each of a head's dimensions.</param>
/// <param name="Groups">Groups of heads that share B and C.</param>
/// <param name="Kernel">Tokens of the convolution.</param>
internal sealed record Mamba2Shape(int Inner, int Heads, int States, int Groups, int Kernel)
{
    /// <summary>The keys of GGUF that it is read from.</summary>
    public const string Keys = "ssm.conv_kernel ssm.inner_size ssm.state_size ssm.time_step_rank ssm.group_count";

    /// <summary>Its tensors that have another form in safetensors.</summary>
    public static readonly Files.Safetensors.TensorForm[] HuggingFaceForms =
    [
        Files.Safetensors.TensorForm.Convolution("ssm_conv1d.weight"),
        Files.Safetensors.TensorForm.NegatedExponential("ssm_a"),
        Files.Safetensors.TensorForm.Column("ssm_a"),
        Files.Safetensors.TensorForm.Column("ssm_d"),
        Files.Safetensors.TensorForm.Groups("ssm_norm.weight"),
    ];

    /// <summary>What the convolution takes: u, B and C.</summary>
    public int Channels => Inner + 2 * Groups * States;

    public static Mamba2Shape Read(ConfigReader keys)
    {
        var shape = new Mamba2Shape(keys.Int("ssm.inner_size", 1, 1 << 20), keys.Int("ssm.time_step_rank", 1, 1 << 14),
            keys.Int("ssm.state_size", 1, 1 << 12),
            keys.Int("ssm.group_count", 1, 1 << 12), keys.Int("ssm.conv_kernel", 2, 64));
        return shape.Inner % shape.Heads == 0 && shape.Heads % shape.Groups == 0 ? shape
            : throw keys.Refuse($"{shape.Heads} heads of {shape.Groups} groups cannot share a width of {shape.Inner} evenly");
    }
}
