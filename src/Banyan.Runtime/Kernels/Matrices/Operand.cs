using System.Diagnostics.CodeAnalysis;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Matrices;

/// <summary>The form in which activations are multiplied with weights.</summary>
internal enum OperandForm
{
    /// <summary>int8 with a scale for 32.</summary>
    Blocks,

    /// <summary>BF16.</summary>
    Pairs,

    /// <summary>As they are.</summary>
    Floats,
}

/// <summary>Where the rows of a product's activations lie, in each form that they have.</summary>
internal unsafe struct Operand
{
    /// <summary>Rows of all forms, from token <paramref name="first"/> on, without the pairs.</summary>
    [SetsRequiredMembers]
    public Operand(Activations x, int first)
    {
        (Columns, Terms) = (x.Columns, x.Terms);
        Blocks = x.Blocks + (long)first * x.Terms * x.BlocksPerRow;
        Rows = x.Row(first);
    }

    public required int Columns;
    public required int Terms;

    /// <summary>[tokens, terms, columns ÷ 32]</summary>
    public ActivationBlock* Blocks;

    /// <summary>[tokens, columns]</summary>
    public float* Rows;

    /// <summary>[tokens, <see cref="PairStride"/>]</summary>
    public ushort* Pairs;

    /// <summary>BF16 rows begin at multiples of 16 values; odd columns end with a 0.</summary>
    public static int PairStride(int columns) => (columns + 15) / 16 * 16;

    /// <summary>Rounds rows [first, first + tokens) of x to BF16.</summary>
    public static ushort* RoundToPairs(Rung rung, Activations x, int first, int tokens, ushort* to, WorkerPool pool)
    {
        var job = new RoundJob
        {
            Rung = rung,
            From = x.Row(first),
            Columns = x.Columns,
            To = to,
            Stride = PairStride(x.Columns),
            Tokens = tokens
        };
        pool.Run(ref job, Parts.ForWork((long)tokens * job.Stride, tokens));
        return to;
    }

    /// <summary>Rounds columns [first, end) of one row, first a multiple of 16; the last pair is filled with 0.</summary>
    public static void RoundToPairs(Rung rung, float* row, int first, int end, ushort* to)
    {
        var whole = first + (end - first) / 16 * 16;
        rung.RoundToPairs(row + first, whole - first, to + first);
        if (whole == end)
            return;
        var last = stackalloc float[16];
        new Span<float>(last, 16).Clear();
        new Span<float>(row + whole, end - whole).CopyTo(new Span<float>(last, 16));
        rung.RoundToPairs(last, 16, to + whole);
    }

    struct RoundJob : IJob
    {
        public Rung Rung;
        public float* From;
        public ushort* To;
        public int Columns, Stride, Tokens;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Tokens);
            for (var token = first; token < end; token++)
                RoundToPairs(Rung, From + (long)token * Columns, 0, Columns, To + (long)token * Stride);
        }
    }
}
