using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Training.Matrices;
using Banyan.Training.Parameters;

namespace Banyan.Training.Optimization;

/// <summary>
/// Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): a matrix moves along its momentum, whose singular values are first brought
/// near 1, so that rare directions are learned as fast as frequent ones.
/// <code>
/// m = β·m + (1 − β)·g       u = (1 − β)·g + β·m       u = u ÷ ‖u‖
/// five times: A = u·uᵀ, u = (a + b·A + c·A²)·u          the Newton–Schulz iteration; with uᵀ·u on the right where that is smaller
/// x −= rate · 0.2 · √(the longer side) · u  +  rate · decay · x
/// </code>
/// With this factor the mean square of an update is that of AdamW's (arXiv 2502.16982), so both work with the same rate and decay. No sum
/// depends on how many threads there are.
/// </summary>
internal sealed unsafe class Muon : IDisposable
{
    const float Momentum = 0.95f, UpdateSize = 0.2f, A = 3.4445f, B = -4.7750f, C = 2.0315f;
    const int Iterations = 5, RowsOfPart = 16;

    readonly WorkerPool _pool;
    readonly AlignedBuffer _update, _next, _gram, _polynomial;
    readonly double[] _squares;

    public Muon(IReadOnlyList<Parameter> parameters, WorkerPool pool)
    {
        _pool = pool;
        var matrices = parameters.Where(Moves).ToList();
        var (largest, shorter, rows) = (Most(matrices, p => p.Count), Most(matrices, Shorter), Most(matrices, p => p.Rows));
        (_update, _next) = (new(largest * sizeof(float)), new(largest * sizeof(float)));
        (_gram, _polynomial) = (new(shorter * shorter * sizeof(float)), new(shorter * shorter * sizeof(float)));
        _squares = new double[(rows + RowsOfPart - 1) / RowsOfPart];
    }

    /// <summary>Whether a parameter is one of Muon's: a matrix between two layers' numbers, not a table of tokens.</summary>
    public static bool Moves(Parameter parameter) => parameter.Kind == ParameterKind.Matrix;

    /// <summary>Bytes of its working memory.</summary>
    public static long Bytes(IReadOnlyList<Parameter> parameters)
    {
        var matrices = parameters.Where(Moves).ToList();
        return sizeof(float) * 2 * (Most(matrices, p => p.Count) + Most(matrices, p => Shorter(p) * Shorter(p)));
    }

    /// <summary>Moves a matrix by its gradient times <paramref name="factor"/>; <paramref name="momentum"/> is its state.</summary>
    public void Step(Parameter matrix, float* momentum, double rate, double decay, double factor)
    {
        var (rows, columns) = (matrix.Rows, matrix.Columns);
        var job = new MomentumJob
        {
            Parameter = matrix,
            Momentum = momentum,
            Update = _update.Floats,
            Squares = _squares,
            Factor = (float)factor
        };
        var parts = (rows + RowsOfPart - 1) / RowsOfPart;
        _pool.Run(ref job, parts);
        var norm = Math.Sqrt(_squares.AsSpan(0, parts).ToArray().Sum());
        if (norm == 0)
            return;
        var update = Orthogonalize(new(_update.Floats, rows, columns), new(_next.Floats, rows, columns), (float)(1 / norm));
        var apply = new ApplyJob
        {
            Parameter = matrix,
            Update = update.Data,
            Kept = (float)(1 - rate * decay),
            Scale = (float)(-rate * UpdateSize * Math.Sqrt(Math.Max(rows, columns))),
        };
        _pool.Run(ref apply, parts);
    }

    // scale · u, whose singular values are at most 1, with all of them near 1; in one of the two.
    Matrix Orthogonalize(Matrix u, Matrix next, float scale)
    {
        var isWide = u.Rows <= u.Columns;
        var side = Math.Min(u.Rows, u.Columns);
        Matrix gram = new(_gram.Floats, side, side), polynomial = new(_polynomial.Floats, side, side);
        for (var i = 0; i < Iterations; i++, scale = 1)
        {
            Gemm.Multiply(isWide ? u : u.Transposed, isWide ? u.Transposed : u, gram, _pool, scale * scale);
            Gemm.Multiply(gram, gram, polynomial, _pool, C);
            for (nint at = 0; at < (nint)side * side; at++)
                polynomial.Data[at] += B * gram.Data[at] + (at % (side + 1) == 0 ? A : 0);
            Gemm.Multiply(isWide ? polynomial : u, isWide ? u : polynomial, next, _pool, scale);
            (u, next) = (next, u);
        }
        return u;
    }

    static long Shorter(Parameter parameter) => Math.Min(parameter.Rows, parameter.Columns);

    static long Most(List<Parameter> parameters, Func<Parameter, long> size) => parameters.Count == 0 ? 0 : parameters.Max(size);

    public void Dispose()
    {
        _update.Dispose();
        _next.Dispose();
        _gram.Dispose();
        _polynomial.Dispose();
    }

    struct MomentumJob : IJob
    {
        public Parameter Parameter;
        public float* Momentum, Update;
        public double[] Squares;
        public float Factor;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Range(Parameter, part);
            var sum = 0.0;
            for (var i = first; i < end; i++)
            {
                var g = (1 - Muon.Momentum) * Factor * Parameter.Gradient[i];
                Momentum[i] = Muon.Momentum * Momentum[i] + g;
                var u = Update[i] = Muon.Momentum * Momentum[i] + g;
                sum += (double)u * u;
            }
            Squares[part] = sum;
        }
    }

    struct ApplyJob : IJob
    {
        public Parameter Parameter;
        public float* Update;
        public float Kept, Scale;

        public readonly void Work(int part, int parts)
        {
            var (i, end) = Range(Parameter, part);
            float* value = Parameter.Value, update = Update;
            for (; i + 8 <= end; i += 8)
                (Vector256.Load(value + i) * Kept + Vector256.Load(update + i) * Scale).Store(value + i);
            for (; i < end; i++)
                value[i] = value[i] * Kept + update[i] * Scale;
        }
    }

    static (long First, long End) Range(Parameter parameter, int part) =>
        ((long)part * RowsOfPart * parameter.Columns, Math.Min((long)(part + 1) * RowsOfPart, parameter.Rows) * parameter.Columns);
}
