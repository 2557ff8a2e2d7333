using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>Additions in place: a residual, a bias.</summary>
internal static unsafe class Add
{
    /// <summary>x += y, on all threads where that pays.</summary>
    public static void Apply(float* x, float* y, long count, WorkerPool pool)
    {
        var job = new Job { X = x, Y = y, Count = count };
        pool.Run(ref job, Parts.ForWork(count, pool.Threads));
    }

    /// <summary>x += y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(float* x, float* y, long count)
    {
        long i = 0;
        if (Ladder.UsesVectors)
            for (; i + 8 <= count; i += 8)
                (Vector256.Load(x + i) + Vector256.Load(y + i)).Store(x + i);
        for (; i < count; i++)
            x[i] += y[i];
    }

    /// <summary>Every row of x[rows, columns] += bias[columns].</summary>
    public static void Bias(float* x, float* bias, int rows, int columns)
    {
        for (var row = 0; row < rows; row++)
            Apply(x + (long)row * columns, bias, columns);
    }

    struct Job : IJob
    {
        public float* X, Y;
        public long Count;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = (Count * part / parts, Count * (part + 1) / parts);
            Apply(X + first, Y + first, end - first);
        }
    }
}
