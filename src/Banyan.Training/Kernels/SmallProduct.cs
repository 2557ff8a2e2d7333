using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;

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
            Run<Lanes16>(a, aRow, aColumn, b, bRow, c, cRow, m, n, k, add);
        else
            Run<Lanes8>(a, aRow, aColumn, b, bRow, c, cRow, m, n, k, add);
    }

    static void Run<T>(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int m, int n, int k, bool add)
        where T : struct, ILanes<T>
    {
        var column = 0;
        for (; column + 2 * T.Count <= n; column += 2 * T.Count)
        {
            var row = 0;
            for (; row + 4 <= m; row += 4)
                Four<T>(a + row * aRow, aRow, aColumn, b + column, bRow, c + row * cRow + column, cRow, k, add);
            for (; row < m; row++)
            {
                One<T>(a + row * aRow, aColumn, b + column, bRow, c + row * cRow + column, k, add);
                One<T>(a + row * aRow, aColumn, b + column + T.Count, bRow, c + row * cRow + column + T.Count, k, add);
            }
        }
        for (; column + 8 <= n; column += 8)
            for (var row = 0; row < m; row++)
                One<Lanes8>(a + row * aRow, aColumn, b + column, bRow, c + row * cRow + column, k, add);
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
    static void Four<T>(float* a, nint aRow, nint aColumn, float* b, nint bRow, float* c, nint cRow, int k, bool add)
        where T : struct, ILanes<T>
    {
        float* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        T s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default;
        float* c1 = c + cRow, c2 = c1 + cRow, c3 = c2 + cRow;
        if (add)
        {
            (s00, s01) = (T.Load(c), T.Load(c + T.Count));
            (s10, s11) = (T.Load(c1), T.Load(c1 + T.Count));
            (s20, s21) = (T.Load(c2), T.Load(c2 + T.Count));
            (s30, s31) = (T.Load(c3), T.Load(c3 + T.Count));
        }
        for (nint i = 0; i < k; i++)
        {
            var (b0, b1) = (T.Load(b), T.Load(b + T.Count));
            var x = T.Broadcast(a);
            s00 = T.MultiplyAdd(x, b0, s00);
            s01 = T.MultiplyAdd(x, b1, s01);
            x = T.Broadcast(a1);
            s10 = T.MultiplyAdd(x, b0, s10);
            s11 = T.MultiplyAdd(x, b1, s11);
            x = T.Broadcast(a2);
            s20 = T.MultiplyAdd(x, b0, s20);
            s21 = T.MultiplyAdd(x, b1, s21);
            x = T.Broadcast(a3);
            s30 = T.MultiplyAdd(x, b0, s30);
            s31 = T.MultiplyAdd(x, b1, s31);
            a += aColumn;
            a1 += aColumn;
            a2 += aColumn;
            a3 += aColumn;
            b += bRow;
        }
        T.Store(s00, c);
        T.Store(s01, c + T.Count);
        T.Store(s10, c1);
        T.Store(s11, c1 + T.Count);
        T.Store(s20, c2);
        T.Store(s21, c2 + T.Count);
        T.Store(s30, c3);
        T.Store(s31, c3 + T.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void One<T>(float* a, nint aColumn, float* b, nint bRow, float* c, int k, bool add)
        where T : struct, ILanes<T>
    {
        var sum = add ? T.Load(c) : default;
        for (nint i = 0; i < k; i++)
            sum = T.MultiplyAdd(T.Broadcast(a + i * aColumn), T.Load(b + i * bRow), sum);
        T.Store(sum, c);
    }
}
