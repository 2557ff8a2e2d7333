using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>
/// y += scale · B·(A·x): what an adapter adds to a projection (arXiv 2106.09685). A and B are so thin that A·x is no job of its own:
/// whoever computes a part of y computes as much of A·x as it needs.
/// </summary>
/// <param name="rank">Rows of A.</param>
/// <param name="columns">Columns of x.</param>
/// <param name="outputs">Columns of y.</param>
internal sealed unsafe class LowRank(int rank, int columns, int outputs) : IDisposable
{
    const int RowsAtOnce = 4;

    readonly AlignedBuffer _a = new((long)rank * columns * sizeof(float)), _b = new((long)rank * outputs * sizeof(float));

    public int Rank => rank;

    public int Columns => columns;

    public int Outputs => outputs;

    /// <summary>[rank, columns]</summary>
    public float* A => _a.Floats;

    /// <summary>[rank, outputs]: B transposed, with the scale in it.</summary>
    public float* B => _b.Floats;

    /// <summary>y[rows, outputs] += share · B·(A·x) of x[rows, columns].</summary>
    public void AddTo(float* x, float* y, int rows, float share, WorkerPool pool)
    {
        // Few rows are divided by outputs, each part with an A·x of its own; many by rows.
        var byRows = rows >= pool.Threads * RowsAtOnce;
        var job = new Job { Term = this, X = x, Y = y, Rows = rows, Share = share, ByRows = byRows };
        pool.Run(ref job,
            Parts.ForWork((long)rows * rank * (columns + outputs), byRows ? rows / RowsAtOnce : Math.Min(pool.Threads, outputs / Unit)));
    }

    // Outputs are cut between whole vectors of the widest kind.
    const int Unit = 64;

    struct Job : IJob
    {
        public LowRank Term;
        public float* X, Y;
        public int Rows;
        public float Share;
        public bool ByRows;

        public readonly void Work(int part, int parts)
        {
            var (firstRow, endRow) = ByRows ? Parts.Range(part, parts, Rows) : (0, Rows);
            var (first, end) = ByRows ? (0, Term.Outputs) : Parts.Range(part, parts, Term.Outputs / Unit);
            if (!ByRows)
                (first, end) = (first * Unit, part == parts - 1 ? Term.Outputs : end * Unit);
            Term.Compute(X, Y, firstRow, endRow, first, end, Share);
        }
    }

    void Compute(float* x, float* y, int firstRow, int endRow, int first, int end, float share)
    {
        var inner = stackalloc float[RowsAtOnce * rank];
        for (var row = firstRow; row < endRow; row += RowsAtOnce)
        {
            var rows = Math.Min(RowsAtOnce, endRow - row);
            float* from = x + (long)row * columns, to = y + (long)row * outputs;
            if (!Ladder.UsesVectors)
                Scalar(from, to, rows, inner, first, end, share);
            else if (Vector512.IsHardwareAccelerated)
                Vector<Lanes16>(from, to, rows, inner, first, end, share);
            else if (Vector256.IsHardwareAccelerated)
                Vector<Lanes8>(from, to, rows, inner, first, end, share);
            else
                Vector<Lanes4>(from, to, rows, inner, first, end, share);
        }
    }

    void Scalar(float* x, float* y, int rows, float* inner, int first, int end, float share)
    {
        for (var row = 0; row < rows; row++)
        {
            for (var k = 0; k < rank; k++)
            {
                var sum = 0f;
                for (var c = 0; c < columns; c++)
                    sum += x[(long)row * columns + c] * A[(long)k * columns + c];
                inner[row * rank + k] = sum * share;
            }
            for (var o = first; o < end; o++)
            {
                var sum = 0f;
                for (var k = 0; k < rank; k++)
                    sum += inner[row * rank + k] * B[(long)k * outputs + o];
                y[(long)row * outputs + o] += sum;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Vector<T>(float* x, float* y, int rows, float* inner, int first, int end, float share) where T : struct, ILanes<T>
    {
        for (var row = 0; row < rows; row++)
        {
            var k = 0;
            for (; k + 4 <= rank; k += 4)
                Dots<T>(x + (long)row * columns, A + (long)k * columns, inner + row * rank + k);
            for (; k < rank; k++)
                inner[row * rank + k] = Dot<T>(x + (long)row * columns, A + (long)k * columns);
        }
        if (share != 1)
            for (var i = 0; i < rows * rank; i++)
                inner[i] *= share;
        var o = first;
        if (rows == RowsAtOnce)
            for (; o + T.Count <= end; o += T.Count)
                FourRows<T>(y + o, inner, B + o);
        else
            for (var row = 0; row < rows; row++)
                for (o = first; o + T.Count <= end; o += T.Count)
                    OneRow<T>(y + (long)row * outputs + o, inner + row * rank, B + o);
        for (; o < end; o++)
            for (var row = 0; row < rows; row++)
            {
                var sum = 0f;
                for (var k = 0; k < rank; k++)
                    sum = MathF.FusedMultiplyAdd(inner[row * rank + k], B[(long)k * outputs + o], sum);
                y[(long)row * outputs + o] += sum;
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void FourRows<T>(float* y, float* inner, float* b) where T : struct, ILanes<T>
    {
        T s0 = default, s1 = default, s2 = default, s3 = default;
        for (var k = 0; k < rank; k++, b += outputs)
        {
            var weights = T.Load(b);
            s0 = T.MultiplyAdd(T.Broadcast(inner + k), weights, s0);
            s1 = T.MultiplyAdd(T.Broadcast(inner + rank + k), weights, s1);
            s2 = T.MultiplyAdd(T.Broadcast(inner + 2 * rank + k), weights, s2);
            s3 = T.MultiplyAdd(T.Broadcast(inner + 3 * rank + k), weights, s3);
        }
        AddTo(y, s0);
        AddTo(y + outputs, s1);
        AddTo(y + 2L * outputs, s2);
        AddTo(y + 3L * outputs, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void OneRow<T>(float* y, float* inner, float* b) where T : struct, ILanes<T>
    {
        var sum = default(T);
        for (var k = 0; k < rank; k++, b += outputs)
            sum = T.MultiplyAdd(T.Broadcast(inner + k), T.Load(b), sum);
        AddTo(y, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AddTo<T>(float* y, T sum) where T : struct, ILanes<T>
    {
        var one = 1f;
        T.Store(T.MultiplyAdd(sum, T.Broadcast(&one), T.Load(y)), y);
    }

    // Of x with four rows of A.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Dots<T>(float* x, float* a, float* to) where T : struct, ILanes<T>
    {
        T s0 = default, s1 = default, s2 = default, s3 = default;
        var c = 0;
        for (; c + T.Count <= columns; c += T.Count)
        {
            var values = T.Load(x + c);
            s0 = T.MultiplyAdd(values, T.Load(a + c), s0);
            s1 = T.MultiplyAdd(values, T.Load(a + columns + c), s1);
            s2 = T.MultiplyAdd(values, T.Load(a + 2L * columns + c), s2);
            s3 = T.MultiplyAdd(values, T.Load(a + 3L * columns + c), s3);
        }
        (to[0], to[1], to[2], to[3]) = (Sum(s0), Sum(s1), Sum(s2), Sum(s3));
        for (; c < columns; c++)
            for (var k = 0; k < 4; k++)
                to[k] = MathF.FusedMultiplyAdd(x[c], a[(long)k * columns + c], to[k]);
    }

    float Dot<T>(float* x, float* a) where T : struct, ILanes<T>
    {
        var sum = default(T);
        var c = 0;
        for (; c + T.Count <= columns; c += T.Count)
            sum = T.MultiplyAdd(T.Load(x + c), T.Load(a + c), sum);
        var total = Sum(sum);
        for (; c < columns; c++)
            total = MathF.FusedMultiplyAdd(x[c], a[c], total);
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static float Sum<T>(T lanes) where T : struct, ILanes<T>
    {
        var values = stackalloc float[T.Count];
        T.Store(lanes, values);
        var sum = 0f;
        for (var i = 0; i < T.Count; i++)
            sum += values[i];
        return sum;
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
    }
}
