using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>
/// Operations on a matrix S [rows, columns] that a mixer keeps in place of a cache. Columns are lanes, so that no sum crosses them: each
/// column's numbers are the same at any width of vectors.
/// </summary>
internal static unsafe class MatrixState
{
    /// <summary>y[columns] = Σ_j x[j] · S[j].</summary>
    /// <param name="s">S.</param>
    /// <param name="stride">From one row of S to the next, in floats.</param>
    /// <param name="x">[rows]</param>
    /// <param name="y">[columns]</param>
    /// <param name="rows">Rows of S.</param>
    /// <param name="columns">Columns of S.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Read(float* s, int stride, float* x, float* y, int rows, int columns)
    {
        var c = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; c + 64 <= columns; c += 64)
            {
                var (sum0, sum1, sum2, sum3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
                var from = s + c;
                for (var j = 0; j < rows; j++, from += stride)
                {
                    var factor = Vector512.Create(x[j]);
                    sum0 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(from), sum0);
                    sum1 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(from + 16), sum1);
                    sum2 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(from + 32), sum2);
                    sum3 = Vector512.FusedMultiplyAdd(factor, Vector512.Load(from + 48), sum3);
                }
                sum0.Store(y + c);
                sum1.Store(y + c + 16);
                sum2.Store(y + c + 32);
                sum3.Store(y + c + 48);
            }
        for (; c + 8 <= columns; c += 8)
        {
            var sum = Vector256<float>.Zero;
            var from = s + c;
            for (var j = 0; j < rows; j++, from += stride)
                sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[j]), Vector256.Load(from), sum);
            sum.Store(y + c);
        }
        for (; c < columns; c++)
        {
            var sum = 0f;
            for (var j = 0; j < rows; j++)
                sum = MathF.FusedMultiplyAdd(x[j], s[j * stride + c], sum);
            y[c] = sum;
        }
    }

    /// <summary><see cref="Update{T}"/> without a next token.</summary>
    public static void Update(float* s, float keep, float* k, float* v, float* q, float* y, int rows, int columns) =>
        Update<NoNext>(s, columns, keep, k, v, q, y, null, null, rows, columns);

    /// <summary>
    /// S[j] = keep · S[j] + k[j] · v for each row, then y[columns] = Σ_j q[j] · S[j]; and read[columns] = Σ_j next[j] · S[j] if
    /// <typeparamref name="T"/> is <see cref="HasNext"/>.
    /// </summary>
    /// <typeparam name="T"><see cref="HasNext"/> or <see cref="NoNext"/>, known when the method is compiled.</typeparam>
    /// <param name="s">S.</param>
    /// <param name="stride">From one row of S to the next, in floats.</param>
    /// <param name="keep">The decay of S.</param>
    /// <param name="k">[rows]</param>
    /// <param name="v">[columns]</param>
    /// <param name="q">[rows]</param>
    /// <param name="y">[columns]; may be <paramref name="v"/>.</param>
    /// <param name="next">[rows]</param>
    /// <param name="read">[columns]; may be <paramref name="v"/>.</param>
    /// <param name="rows">Rows of S.</param>
    /// <param name="columns">Columns of S.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Update<T>(float* s, int stride, float keep, float* k, float* v, float* q, float* y, float* next, float* read,
        int rows, int columns) where T : struct
    {
        var c = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; c + 64 <= columns; c += 64)
            {
                var (v0, v1, v2, v3) = (Vector512.Load(v + c), Vector512.Load(v + c + 16), Vector512.Load(v + c + 32),
                    Vector512.Load(v + c + 48));
                var (sum0, sum1, sum2, sum3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
                var (next0, next1, next2, next3) = (sum0, sum0, sum0, sum0);
                var keeps = Vector512.Create(keep);
                var at = s + c;
                for (var j = 0; j < rows; j++, at += stride)
                {
                    var (key, query) = (Vector512.Create(k[j]), Vector512.Create(q[j]));
                    var s0 = Vector512.FusedMultiplyAdd(key, v0, keeps * Vector512.Load(at));
                    var s1 = Vector512.FusedMultiplyAdd(key, v1, keeps * Vector512.Load(at + 16));
                    var s2 = Vector512.FusedMultiplyAdd(key, v2, keeps * Vector512.Load(at + 32));
                    var s3 = Vector512.FusedMultiplyAdd(key, v3, keeps * Vector512.Load(at + 48));
                    s0.Store(at);
                    s1.Store(at + 16);
                    s2.Store(at + 32);
                    s3.Store(at + 48);
                    sum0 = Vector512.FusedMultiplyAdd(query, s0, sum0);
                    sum1 = Vector512.FusedMultiplyAdd(query, s1, sum1);
                    sum2 = Vector512.FusedMultiplyAdd(query, s2, sum2);
                    sum3 = Vector512.FusedMultiplyAdd(query, s3, sum3);
                    if (typeof(T) != typeof(HasNext))
                        continue;
                    var later = Vector512.Create(next[j]);
                    next0 = Vector512.FusedMultiplyAdd(later, s0, next0);
                    next1 = Vector512.FusedMultiplyAdd(later, s1, next1);
                    next2 = Vector512.FusedMultiplyAdd(later, s2, next2);
                    next3 = Vector512.FusedMultiplyAdd(later, s3, next3);
                }
                sum0.Store(y + c);
                sum1.Store(y + c + 16);
                sum2.Store(y + c + 32);
                sum3.Store(y + c + 48);
                if (typeof(T) != typeof(HasNext))
                    continue;
                next0.Store(read + c);
                next1.Store(read + c + 16);
                next2.Store(read + c + 32);
                next3.Store(read + c + 48);
            }
        for (; c + 8 <= columns; c += 8)
        {
            var (sum, later, value) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256.Load(v + c));
            var at = s + c;
            for (var j = 0; j < rows; j++, at += stride)
            {
                var changed = Vector256.FusedMultiplyAdd(Vector256.Create(k[j]), value, Vector256.Create(keep) * Vector256.Load(at));
                changed.Store(at);
                sum = Vector256.FusedMultiplyAdd(Vector256.Create(q[j]), changed, sum);
                if (typeof(T) == typeof(HasNext))
                    later = Vector256.FusedMultiplyAdd(Vector256.Create(next[j]), changed, later);
            }
            sum.Store(y + c);
            if (typeof(T) == typeof(HasNext))
                later.Store(read + c);
        }
        for (; c < columns; c++)
        {
            var (sum, later, value) = (0f, 0f, v[c]);
            for (var j = 0; j < rows; j++)
            {
                ref var at = ref s[j * stride + c];
                at = MathF.FusedMultiplyAdd(k[j], value, keep * at);
                sum = MathF.FusedMultiplyAdd(q[j], at, sum);
                if (typeof(T) == typeof(HasNext))
                    later = MathF.FusedMultiplyAdd(next[j], at, later);
            }
            y[c] = sum;
            if (typeof(T) == typeof(HasNext))
                read[c] = later;
        }
    }

    /// <summary>S is also read for the next token.</summary>
    public readonly struct HasNext;

    /// <summary>S is not read for a next token.</summary>
    public readonly struct NoNext;
}
