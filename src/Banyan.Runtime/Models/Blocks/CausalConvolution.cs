using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// A convolution of each channel by itself over a token and those before it, through SiLU: what delta nets and Mamba 2 put before their
/// state. Of a sequence it keeps the last tokens' inputs, [kernel − 1, channels].
/// </summary>
/// <param name="kernel">Tokens.</param>
/// <param name="channels">Channels.</param>
/// <param name="weight">[kernel, channels]</param>
/// <param name="bias">[channels]; null for none.</param>
internal sealed unsafe class CausalConvolution(int kernel, int channels, AlignedBuffer weight, AlignedBuffer? bias)
{
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
        var (checkpoints, length, history) = (part.Sequence.Checkpoints, part.Sequence.Length, kernel - 1);
        var before = checkpoints.At(length, state);
        for (var row = 0; row < part.Count; row++)
        {
            var to = y + (part.First + row) * (long)channels;
            for (var channel = first; channel < end; channel++)
            {
                var sum = bias is null ? 0 : bias.Floats[channel];
                for (var tap = 0; tap <= history; tap++)
                    sum += weight.Floats[(long)tap * channels + channel] * Past(row - history + tap, channel);
                to[channel] = sum * FloatRows.Sigmoid(sum);
            }
            if (!checkpoints.Has(length + row + 1))
                continue;
            var after = checkpoints.At(length + row + 1, state);
            for (var tap = 0; tap < history; tap++)
                for (var channel = first; channel < end; channel++)
                    after[(long)tap * channels + channel] = Past(row - history + 1 + tap, channel);
        }

        // Of a row, or of a token before the pass; 0 before the sequence.
        float Past(int row, int channel) =>
            row >= 0 ? x[(part.First + row) * (long)stride + channel]
            : before is null ? 0
            : before[(long)(history + row) * channels + channel];
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
            var (first, end) = Parts.Range(number, parts, Of.Channels);
            foreach (var part in Batch.Parts)
                Of.Work(part, X, Stride, Y, State, first, end);
        }
    }
}
