using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>LayerNorm (arXiv 1607.06450): y = (x − mean) ÷ √(variance + ε) · weight + bias, row by row.</summary>
internal static unsafe class LayerNorm
{
    /// <summary>
    /// Rows of <paramref name="columns"/> values; <paramref name="y"/> may be <paramref name="x"/>; <paramref name="bias"/> may be null.
    /// </summary>
    public static void Apply(float* x, float* weight, float* bias, float* y, int rows, int columns, float epsilon, WorkerPool pool)
    {
        var job = new Job { X = x, Weight = weight, Bias = bias, Y = y, Rows = rows, Columns = columns, Epsilon = epsilon };
        pool.Run(ref job, Parts.ForWork(2L * rows * columns, rows));
    }

    struct Job : IJob
    {
        public float* X, Weight, Bias, Y;
        public int Rows, Columns;
        public float Epsilon;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Rows);
            for (var row = first; row < end; row++)
                Row(X + (long)row * Columns, Y + (long)row * Columns);
        }

        readonly void Row(float* x, float* y)
        {
            var (sum, squares) = (0.0, 0.0);
            for (var i = 0; i < Columns; i++)
                sum += x[i];
            var mean = (float)(sum / Columns);
            for (var i = 0; i < Columns; i++)
                squares += (double)(x[i] - mean) * (x[i] - mean);
            var scale = (float)(1 / Math.Sqrt(squares / Columns + Epsilon));
            for (var i = 0; i < Columns; i++)
                y[i] = (x[i] - mean) * scale * Weight[i] + (Bias is null ? 0 : Bias[i]);
        }
    }
}
