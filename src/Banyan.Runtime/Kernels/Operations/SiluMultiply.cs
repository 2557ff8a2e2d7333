using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels;

/// <summary>The gated unit of a feed-forward layer: y = gate ÷ (1 + e^−gate) × up.</summary>
internal static unsafe class SiluMultiply
{
    /// <summary>gate, up [tokens, columns] into <paramref name="y"/>, quantized at once where <paramref name="quantize"/>.</summary>
    public static void Apply(float* gate, float* up, Activations y, int tokens, bool quantize, WorkerPool pool)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, y.MaxTokens);
        // Parts are ranges of a token's blocks too, so that one token's row is shared among the threads.
        var job = new Job { Gate = gate, Up = up, Y = y, Tokens = tokens, Quantize = quantize };
        var splits = tokens > 1 ? 1 : Math.Max(1, y.BlocksPerRow / 64);
        pool.Run(ref job, tokens > 1 ? Parts.ForWork((long)tokens * y.Columns, tokens) : splits);
        y.HasBlocks = quantize;
    }

    internal static void Scalar(float* gate, float* up, float* y, long count)
    {
        for (long i = 0; i < count; i++)
            y[i] = gate[i] / (1 + MathF.Exp(-gate[i])) * up[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Vector(float* gate, float* up, float* y, long count)
    {
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var g = Vector256.Load(gate + i);
            (g / (Vector256<float>.One + VectorExp.Exp(-g)) * Vector256.Load(up + i)).Store(y + i);
        }
        Scalar(gate + i, up + i, y + i, count - i);
    }

    struct Job : IJob
    {
        public float* Gate, Up;
        public Activations Y;
        public int Tokens;
        public bool Quantize;

        public readonly void Work(int part, int parts)
        {
            if (Tokens == 1)
            {
                var (firstBlock, endBlock) = Parts.Range(part, parts, Y.BlocksPerRow);
                var end = part == parts - 1 ? Y.Columns : endBlock * ActivationBlock.Columns;
                Range(0, firstBlock * ActivationBlock.Columns, end);
                return;
            }
            var (first, endToken) = Parts.Range(part, parts, Tokens);
            for (var token = first; token < endToken; token++)
                Range(token, 0, Y.Columns);
        }

        readonly void Range(int token, int first, int end)
        {
            var offset = (long)token * Y.Columns + first;
            if (Ladder.UsesVectors)
                Vector(Gate + offset, Up + offset, Y.Rows + offset, end - first);
            else
                Scalar(Gate + offset, Up + offset, Y.Rows + offset, end - first);
            if (Quantize)
                Y.QuantizeBlocks(token, first / ActivationBlock.Columns, (end - first) / ActivationBlock.Columns);
        }
    }
}
