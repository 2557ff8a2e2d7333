using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Training.Kernels;

/// <summary>
/// Sums over rows, column by column: the gradient of a bias. Threads share the columns, so that the order of additions does not depend on
/// how many there are.
/// </summary>
internal static unsafe class ColumnSums
{
    /// <summary>sums[columns] += Σ over rows of x[rows, columns].</summary>
    public static void Add(float* x, float* sums, int rows, int columns, WorkerPool pool)
    {
        var job = new Job { X = x, Sums = sums, Rows = rows, Columns = columns };
        pool.Run(ref job, PartsFor(rows, columns));
    }

    /// <summary>sums[columns] += factors[columns] · Σ over rows of x ⊙ y.</summary>
    public static void AddProducts(float* x, float* y, float* factors, float* sums, int rows, int columns, WorkerPool pool)
    {
        var job = new ProductJob { X = x, Y = y, Factors = factors, Sums = sums, Rows = rows, Columns = columns };
        pool.Run(ref job, PartsFor(rows, columns));
    }

    /// <summary>The number of parts to divide the columns into.</summary>
    public static int PartsFor(int rows, int columns) => Parts.ForWork((long)rows * columns, Math.Max(1, columns / 16));

    struct Job : IJob
    {
        public float* X, Sums;
        public int Rows, Columns;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Columns);
            for (var row = 0; row < Rows; row++)
                Runtime.Kernels.Operations.Add.Apply(Sums + first, X + (long)row * Columns + first, end - first);
        }
    }

    struct ProductJob : IJob
    {
        public float* X, Y, Factors, Sums;
        public int Rows, Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Columns);
            var i = first;
            for (; i + 8 <= end; i += 8)
            {
                var sum = Vector256<float>.Zero;
                for (var row = 0; row < Rows; row++)
                    sum = Vector256.FusedMultiplyAdd(Vector256.Load(X + (long)row * Columns + i),
                        Vector256.Load(Y + (long)row * Columns + i), sum);
                (Vector256.Load(Sums + i) + sum * Vector256.Load(Factors + i)).Store(Sums + i);
            }
            for (; i < end; i++)
            {
                var sum = 0f;
                for (var row = 0; row < Rows; row++)
                    sum = MathF.FusedMultiplyAdd(X[(long)row * Columns + i], Y[(long)row * Columns + i], sum);
                Sums[i] += sum * Factors[i];
            }
        }
    }
}
