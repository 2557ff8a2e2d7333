using Banyan.Runtime.Adapters;
using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Models.Projections;

/// <summary>An adapter's change of a projection's product y = W·x, before its scale and bias: y + scale · B·A·x (LoRA, arXiv 2106.09685),
/// and of that g ⊙ (…) with g = magnitude ÷ ‖row of W + scale · B·A‖ (DoRA, arXiv 2402.09353).</summary>
internal sealed unsafe class AdapterTerm : IDisposable
{
    readonly LowRank _update;
    readonly float[]? _gains;

    /// <param name="weights">The adapter of the projection.</param>
    /// <param name="scale">What B·A is multiplied by.</param>
    /// <param name="matrix">W [rows, columns], for the norms of DoRA.</param>
    public AdapterTerm(ProjectionAdapter weights, float scale, Tensor matrix)
    {
        var (rank, rows, columns) = (weights.Rank, weights.Rows, weights.Columns);
        _update = new LowRank(rank, columns, rows);
        weights.A.CopyTo(new Span<float>(_update.A, weights.A.Length));
        for (var row = 0; row < rows; row++)
            for (var k = 0; k < rank; k++)
                _update.B[(long)k * rows + row] = weights.B[row * rank + k] * scale;
        if (weights.Magnitude is not null)
            _gains = Gains(weights, scale, matrix);
    }

    /// <summary>Memory it takes.</summary>
    public long Bytes => (long)_update.Rank * (_update.Columns + _update.Outputs) * sizeof(float) + (_gains?.Length ?? 0) * sizeof(float);

    /// <summary>Whether it has norms of its rows, which hold for the scale that it was made with.</summary>
    public bool IsDora => _gains is not null;

    /// <summary>
    /// y[rows, outputs] of x[rows, columns] becomes what the adapter makes of it, <paramref name="share"/> times; 1 where it has norms.
    /// </summary>
    public void AddTo(float* x, float* y, int rows, float share, WorkerPool pool)
    {
        _update.AddTo(x, y, rows, share, pool);
        if (_gains is not null)
            for (var row = 0; row < rows; row++)
                for (var output = 0; output < _gains.Length; output++)
                    y[(long)row * _gains.Length + output] *= _gains[output];
    }

    static float[] Gains(ProjectionAdapter weights, float scale, Tensor matrix)
    {
        var gains = new float[weights.Rows];
        var row = new float[weights.Columns];
        for (var r = 0; r < gains.Length; r++)
        {
            matrix.Dequantize(r, 1, row);
            weights.AddTo(row, r, scale);
            gains[r] = weights.Gain(row, r);
        }
        return gains;
    }

    public void Dispose() => _update.Dispose();
}
