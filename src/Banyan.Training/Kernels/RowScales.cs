using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Training.Kernels;

/// <summary>Every row of a matrix times one vector.</summary>
internal static unsafe class RowScales
{
    /// <summary>y[rows, columns] = or += x ⊙ factors[columns]; y may be x.</summary>
    public static void Apply(float* x, float* factors, float* y, int rows, int columns, bool add, WorkerPool pool)
    {
        var job = new Job { X = x, Factors = factors, Y = y, Rows = rows, Columns = columns, Add = add };
        pool.Run(ref job, Parts.ForWork((long)rows * columns, rows));
    }

    struct Job : IJob
    {
        public float* X, Factors, Y;
        public int Rows, Columns;
        public bool Add;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Rows);
            for (var row = first; row < end; row++)
            {
                float* x = X + (long)row * Columns, y = Y + (long)row * Columns;
                var i = 0;
                for (; i + 8 <= Columns; i += 8)
                {
                    var product = Vector256.Load(x + i) * Vector256.Load(Factors + i);
                    (Add ? Vector256.Load(y + i) + product : product).Store(y + i);
                }
                for (; i < Columns; i++)
                    y[i] = (Add ? y[i] : 0) + x[i] * Factors[i];
            }
        }
    }
}
