using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>A convolution of each channel by itself over a token and those before it, through SiLU: the step of delta nets and Mamba 2
/// before their state. Its state of a sequence is the last tokens' inputs, [kernel − 1, channels].</summary>
/// <param name="kernel">Tokens.</param>
/// <param name="channels">Channels.</param>
/// <param name="weight">[kernel, channels]</param>
/// <param name="bias">[channels]; null for none.</param>
internal sealed unsafe class CausalConvolution(int kernel, int channels, AlignedBuffer weight, AlignedBuffer? bias)
{
    /// <summary>Channels that are convolved together for all rows, so that the previous rows' inputs stay in the L1 cache.</summary>
    const int Together = 1024;

    /// <summary>Numbers that it keeps.</summary>
    public long Floats => (kernel - 1L) * channels;

    public int Channels => channels;

    /// <summary>
    /// y[rows, channels] of x, whose rows are <paramref name="stride"/> floats apart. The state is at the beginning of
    /// <paramref name="state"/>.
    /// </summary>
    public void Apply(Pass pass, float* x, int stride, float* y, RecurrentShape state)
    {
        var job = new Job { Of = this, Batch = pass.Batch, X = x, Stride = stride, Y = y, State = state };
        pass.Pool.Run(ref job, Parts.ForWork((long)pass.Rows * channels * kernel * 4, channels));
    }

    // Some channels of all rows.
    void Work(Batch.Part part, float* x, int stride, float* y, RecurrentShape state, int first, int end)
    {
        var (checkpoints, length) = (part.Sequence.Checkpoints, part.Sequence.Length);
        var past = new PastRows(x + part.First * (long)stride, stride, checkpoints.At(length, state), channels, kernel);
        var taps = stackalloc float*[kernel];
        for (var next = first; first < end; first = next)
        {
            next = Math.Min(first + Together, end);
            for (var row = 0; row < part.Count; row++)
            {
                past.Taps(row, taps);
                FloatRows.Convolve(taps, weight.Floats, bias is null ? null : bias.Floats, y + (part.First + row) * (long)channels,
                    kernel, channels, first, next, silu: true);
                if (checkpoints.Has(length + row + 1))
                    past.Keep(row, checkpoints.At(length + row + 1, state), first, next);
            }
        }
    }

    struct Job : IJob
    {
        public CausalConvolution Of;
        public Batch Batch;
        public float* X, Y;
        public int Stride;
        public RecurrentShape State;

        public readonly void Work(int number, int parts)
        {
            var (first, end) = Parts.WholeVectors(number, parts, Of.Channels);
            foreach (var part in Batch.Parts)
                Of.Work(part, X, Stride, Y, State, first, end);
        }
    }
}
