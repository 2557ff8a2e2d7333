using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Training.Kernels;

/// <summary>
/// The backward pass of y = x · r · w with r = 1 ÷ √(mean(x²) + ε):
/// <code>
/// dx = r · (dy ⊙ w) − x · r³ ÷ columns · Σ(dy ⊙ w ⊙ x)
/// dw = Σ over rows of dy ⊙ x · r
/// </code>
/// </summary>
internal static unsafe class RmsNormGradient
{
    /// <summary>dx[rows, columns] = or += the gradient. dx may be dy.</summary>
    public static void Input(float* x, float* weight, float* dy, float* dx, int rows, int columns, float epsilon, bool add, WorkerPool pool)
    {
        var job = new InputJob
        {
            X = x,
            Weight = weight,
            Dy = dy,
            Dx = dx,
            Rows = rows,
            Columns = columns,
            Epsilon = epsilon,
            Add = add,
        };
        pool.Run(ref job, Parts.ForWork(2L * rows * columns, rows));
    }

    /// <summary>scales[rows] = r.</summary>
    public static void Scales(float* x, float* scales, int rows, int columns, float epsilon, WorkerPool pool)
    {
        var job = new ScaleJob { X = x, Scales = scales, Rows = rows, Columns = columns, Epsilon = epsilon };
        pool.Run(ref job, Parts.ForWork((long)rows * columns, rows));
    }

    /// <summary>dWeight[columns] += the gradient, with the <see cref="Scales"/>.</summary>
    public static void Weight(float* x, float* dy, float* scales, float* dWeight, int rows, int columns, WorkerPool pool)
    {
        var job = new WeightJob { X = x, Dy = dy, Scales = scales, DWeight = dWeight, Rows = rows, Columns = columns };
        pool.Run(ref job, ColumnSums.PartsFor(rows, columns));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Row(float* x, float* weight, float* dy, float* dx, int columns, float epsilon, bool add)
    {
        var (squares, dots) = (Vector256<float>.Zero, Vector256<float>.Zero);
        var i = 0;
        for (; i + 8 <= columns; i += 8)
        {
            var v = Vector256.Load(x + i);
            squares = Vector256.FusedMultiplyAdd(v, v, squares);
            dots = Vector256.FusedMultiplyAdd(v * Vector256.Load(weight + i), Vector256.Load(dy + i), dots);
        }
        double square = Vector256.Sum(squares), dot = Vector256.Sum(dots);
        for (; i < columns; i++)
        {
            square += (double)x[i] * x[i];
            dot += (double)x[i] * weight[i] * dy[i];
        }
        var r = 1 / Math.Sqrt(square / columns + epsilon);
        var (straight, pull) = ((float)r, (float)(-r * r * r / columns * dot));
        for (i = 0; i + 8 <= columns; i += 8)
        {
            var d = Vector256.FusedMultiplyAdd(
                Vector256.Load(x + i), Vector256.Create(pull), Vector256.Load(dy + i) * Vector256.Load(weight + i) * straight);
            (add ? d + Vector256.Load(dx + i) : d).Store(dx + i);
        }
        for (; i < columns; i++)
        {
            var d = x[i] * pull + dy[i] * weight[i] * straight;
            dx[i] = add ? dx[i] + d : d;
        }
    }

    struct InputJob : IJob
    {
        public float* X, Weight, Dy, Dx;
        public int Rows, Columns;
        public float Epsilon;
        public bool Add;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Rows);
            for (var row = first; row < end; row++)
            {
                var offset = (long)row * Columns;
                Row(X + offset, Weight, Dy + offset, Dx + offset, Columns, Epsilon, Add);
            }
        }
    }

    struct ScaleJob : IJob
    {
        public float* X, Scales;
        public int Rows, Columns;
        public float Epsilon;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Rows);
            for (var row = first; row < end; row++)
            {
                var x = X + (long)row * Columns;
                var sums = Vector256<float>.Zero;
                var i = 0;
                for (; i + 8 <= Columns; i += 8)
                    sums = Vector256.FusedMultiplyAdd(Vector256.Load(x + i), Vector256.Load(x + i), sums);
                double squares = Vector256.Sum(sums);
                for (; i < Columns; i++)
                    squares += (double)x[i] * x[i];
                Scales[row] = (float)(1 / Math.Sqrt(squares / Columns + Epsilon));
            }
        }
    }

    struct WeightJob : IJob
    {
        public float* X, Dy, Scales, DWeight;
        public int Rows, Columns;

        // A lane is computed as an element alone is.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Columns);
            for (var row = 0; row < Rows; row++)
            {
                float* x = X + (long)row * Columns, dy = Dy + (long)row * Columns;
                var i = first;
                for (; i + 8 <= end; i += 8)
                    (Vector256.Load(DWeight + i) + Vector256.Load(dy + i) * Vector256.Load(x + i) * Scales[row]).Store(DWeight + i);
                for (; i < end; i++)
                    DWeight[i] += dy[i] * x[i] * Scales[row];
            }
        }
    }
}
