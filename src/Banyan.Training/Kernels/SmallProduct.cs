using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Training.Kernels;

/// <summary>
/// Products of small matrices by one thread, such as a block of queries with a block of keys: c[m, n] = (c +) a[m, k] · b[k, n]. Rows of b
/// and c are contiguous, a has any strides. Every element is one chain of fused additions in the order of k, wherever it lies.
/// </summary>
internal static unsafe class SmallProduct
{
    public static void Run(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int m, int n, int k, bool add)
    {
        if (Vector512.IsHardwareAccelerated)
            Run<Vector512<float>, Lanes512>(a, aRow, aColumn, b, bRow, c, cRow, m, n, k, add);
        else
            Run<Vector256<float>, Lanes256>(a, aRow, aColumn, b, bRow, c, cRow, m, n, k, add);
    }

    static void Run<TVector, TLanes>(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int m, int n, int k, bool add)
        where TVector : struct where TLanes : ILanes<TVector>
    {
        var column = 0;
        for (; column + 2 * TLanes.Count <= n; column += 2 * TLanes.Count)
        {
            var row = 0;
            for (; row + 4 <= m; row += 4)
                Four<TVector, TLanes>(a + row * aRow, aRow, aColumn, b + column, bRow, c + row * cRow + column, cRow, k, add);
            for (; row < m; row++)
            {
                One<TVector, TLanes>(a + row * aRow, aColumn, b + column, bRow, c + row * cRow + column, k, add);
                One<TVector, TLanes>(a + row * aRow, aColumn, b + column + TLanes.Count, bRow, c + row * cRow + column + TLanes.Count, k, add);
            }
        }
        for (; column + 8 <= n; column += 8)
            for (var row = 0; row < m; row++)
                One<Vector256<float>, Lanes256>(a + row * aRow, aColumn, b + column, bRow, c + row * cRow + column, k, add);
        for (; column < n; column++)
            for (var row = 0; row < m; row++)
            {
                var sum = add ? c[row * cRow + column] : 0;
                for (var i = 0; i < k; i++)
                    sum = MathF.FusedMultiplyAdd(a[row * aRow + i * aColumn], b[i * bRow + column], sum);
                c[row * cRow + column] = sum;
            }
    }

    // Four rows, two vectors of columns: eight sums that do not wait for each other.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Four<TVector, TLanes>(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int k, bool add)
        where TVector : struct where TLanes : ILanes<TVector>
    {
        float* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        TVector s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default;
        float* c1 = c + cRow, c2 = c1 + cRow, c3 = c2 + cRow;
        if (add)
        {
            (s00, s01) = (TLanes.Load(c), TLanes.Load(c + TLanes.Count));
            (s10, s11) = (TLanes.Load(c1), TLanes.Load(c1 + TLanes.Count));
            (s20, s21) = (TLanes.Load(c2), TLanes.Load(c2 + TLanes.Count));
            (s30, s31) = (TLanes.Load(c3), TLanes.Load(c3 + TLanes.Count));
        }
        for (nint i = 0; i < k; i++)
        {
            var (b0, b1) = (TLanes.Load(b), TLanes.Load(b + TLanes.Count));
            var x = TLanes.Fill(*a);
            s00 = TLanes.MultiplyAdd(x, b0, s00);
            s01 = TLanes.MultiplyAdd(x, b1, s01);
            x = TLanes.Fill(*a1);
            s10 = TLanes.MultiplyAdd(x, b0, s10);
            s11 = TLanes.MultiplyAdd(x, b1, s11);
            x = TLanes.Fill(*a2);
            s20 = TLanes.MultiplyAdd(x, b0, s20);
            s21 = TLanes.MultiplyAdd(x, b1, s21);
            x = TLanes.Fill(*a3);
            s30 = TLanes.MultiplyAdd(x, b0, s30);
            s31 = TLanes.MultiplyAdd(x, b1, s31);
            a += aColumn;
            a1 += aColumn;
            a2 += aColumn;
            a3 += aColumn;
            b += bRow;
        }
        TLanes.Store(s00, c);
        TLanes.Store(s01, c + TLanes.Count);
        TLanes.Store(s10, c1);
        TLanes.Store(s11, c1 + TLanes.Count);
        TLanes.Store(s20, c2);
        TLanes.Store(s21, c2 + TLanes.Count);
        TLanes.Store(s30, c3);
        TLanes.Store(s31, c3 + TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void One<TVector, TLanes>(float* a, nint aColumn, float* b, nint bRow, float* c, int k, bool add)
        where TVector : struct where TLanes : ILanes<TVector>
    {
        var sum = add ? TLanes.Load(c) : default;
        for (nint i = 0; i < k; i++)
            sum = TLanes.MultiplyAdd(TLanes.Fill(a[i * aColumn]), TLanes.Load(b + i * bRow), sum);
        TLanes.Store(sum, c);
    }

    interface ILanes<TVector>
    {
        static abstract int Count { get; }

        static abstract TVector Load(float* from);

        static abstract TVector Fill(float value);

        static abstract TVector MultiplyAdd(TVector x, TVector y, TVector sum);

        static abstract void Store(TVector x, float* to);
    }

    readonly struct Lanes512 : ILanes<Vector512<float>>
    {
        public static int Count => 16;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Load(float* from) => Vector512.Load(from);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Fill(float value) => Vector512.Create(value);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> MultiplyAdd(Vector512<float> x, Vector512<float> y, Vector512<float> sum) =>
            Vector512.FusedMultiplyAdd(x, y, sum);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector512<float> x, float* to) => x.Store(to);
    }

    readonly struct Lanes256 : ILanes<Vector256<float>>
    {
        public static int Count => 8;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Load(float* from) => Vector256.Load(from);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Fill(float value) => Vector256.Create(value);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> MultiplyAdd(Vector256<float> x, Vector256<float> y, Vector256<float> sum) =>
            Vector256.FusedMultiplyAdd(x, y, sum);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector256<float> x, float* to) => x.Store(to);
    }
}
