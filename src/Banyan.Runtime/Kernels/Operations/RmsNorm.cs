using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>y = x ÷ √(mean(x²) + ε) × weight, row by row (Zhang and Sennrich 2019).</summary>
internal static unsafe class RmsNorm
{
    /// <summary>
    /// Rows of <paramref name="columns"/> values; <paramref name="y"/> may be <paramref name="x"/>. For norms by head, a head is a row.
    /// </summary>
    public static void Apply(float* x, float* weight, float* y, int rows, int columns, float epsilon, WorkerPool pool)
    {
        var job = new Job { X = x, Weight = weight, Y = y, Rows = rows, Columns = columns, Epsilon = epsilon };
        pool.Run(ref job, Parts.ForWork((long)rows * columns, rows));
    }

    /// <summary>x[tokens, columns] into <paramref name="y"/>, quantized at once where <paramref name="quantize"/>.</summary>
    public static void Apply(float* x, float* weight, Activations y, int tokens, float epsilon, bool quantize, WorkerPool pool)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, y.MaxTokens);
        var job = new Job
        {
            X = x,
            Weight = weight,
            Y = y.Rows,
            Rows = tokens,
            Columns = y.Columns,
            Epsilon = epsilon,
            Quantized = quantize ? y : null,
        };
        pool.Run(ref job, Parts.ForWork((long)tokens * y.Columns, tokens));
        y.HasBlocks = quantize;
    }

    internal static void Scalar(float* x, float* weight, float* y, int columns, float epsilon)
    {
        var squares = 0.0;
        for (var i = 0; i < columns; i++)
            squares += (double)x[i] * x[i];
        var scale = (float)(1 / Math.Sqrt(squares / columns + epsilon));
        for (var i = 0; i < columns; i++)
            y[i] = x[i] * scale * weight[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Vector(float* x, float* weight, float* y, int columns, float epsilon)
    {
        var (a, b) = (Vector256<float>.Zero, Vector256<float>.Zero);
        var i = 0;
        for (; i + 16 <= columns; i += 16)
        {
            var (p, q) = (Vector256.Load(x + i), Vector256.Load(x + i + 8));
            a = Vector256.FusedMultiplyAdd(p, p, a);
            b = Vector256.FusedMultiplyAdd(q, q, b);
        }
        var squares = (double)Vector256.Sum(a + b);
        for (; i < columns; i++)
            squares += (double)x[i] * x[i];
        var scale = (float)(1 / Math.Sqrt(squares / columns + epsilon));
        for (i = 0; i + 8 <= columns; i += 8)
            (Vector256.Load(x + i) * scale * Vector256.Load(weight + i)).Store(y + i);
        for (; i < columns; i++)
            y[i] = x[i] * scale * weight[i];
    }

    struct Job : IJob
    {
        public float* X, Weight, Y;
        public Activations? Quantized;
        public int Rows, Columns;
        public float Epsilon;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Rows);
            for (var row = first; row < end; row++)
            {
                var x = X + (long)row * Columns;
                var y = Y + (long)row * Columns;
                if (Ladder.UsesVectors)
                    Vector(x, Weight, y, Columns, Epsilon);
                else
                    Scalar(x, Weight, y, Columns, Epsilon);
                Quantized?.QuantizeBlocks(row, 0, Quantized.BlocksPerRow);
            }
        }
    }
}
