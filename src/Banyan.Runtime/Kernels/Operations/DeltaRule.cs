using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>Consecutive tokens of one head.</summary>
internal unsafe struct DeltaRows
{
    /// <summary>How many; at most <see cref="DeltaRule.Together"/>.</summary>
    public int Count;

    /// <summary>[count, size]</summary>
    public float* Queries, Keys;

    /// <summary>[count]: the decay of the matrix, and the rate of its correction.</summary>
    public float* Keep, Rate;

    /// <summary>[count, size], with a stride between rows.</summary>
    public float* Values, Outputs;

    /// <summary>From one row to the next, in floats.</summary>
    public int ValueStride, OutputStride;
}

/// <summary>
/// The gated delta rule (arXiv 2412.06464) on a head's matrix S [size, size]. Columns are independent lanes, as in
/// <see cref="MatrixState"/>: a slab of columns that fits into the L1 cache is copied there and updated for several tokens.
/// </summary>
internal static unsafe class DeltaRule
{
    /// <summary>The largest number of tokens in one call.</summary>
    public const int Together = 16;

    // Copying pays from four tokens on. 64 columns are four vectors of sums, enough to hide the latency of a multiply-add.
    const int CopiedFor = 4, SlabColumns = 64, SlabFloats = 8192, Line = 64;

    /// <summary>Updates S for each token and computes the token's output.</summary>
    /// <param name="s">[size, size]</param>
    /// <param name="size">The width of a head.</param>
    /// <param name="rows">The tokens.</param>
    [SkipLocalsInit]
    public static void Correct(float* s, int size, in DeltaRows rows)
    {
        var wide = Math.Min(size, SlabColumns);
        var space = stackalloc float[SlabFloats + Line / sizeof(float)];
        var slab = (float*)(((nuint)space + Line - 1) / Line * Line);
        var read = stackalloc float[wide];
        var copies = rows.Count >= CopiedFor && size > wide && size * wide <= SlabFloats;
        for (var first = 0; first < size; first += wide)
        {
            var columns = Math.Min(wide, size - first);
            var at = copies ? slab : s + first;
            var stride = copies ? columns : size;
            for (var j = 0; copies && j < size; j++)
                new Span<float>(s + (long)j * size + first, columns).CopyTo(new(slab + j * columns, columns));
            MatrixState.Read(at, stride, rows.Keys, read, size, columns);
            for (var i = 0; i < rows.Count; i++)
                Correct(at, stride, rows.Keep[i], rows.Rate[i], rows.Keys + i * size, rows.Queries + i * size,
                    rows.Values + i * (long)rows.ValueStride + first, rows.Outputs + i * (long)rows.OutputStride + first,
                    i + 1 < rows.Count ? rows.Keys + (i + 1) * size : null, read, size, columns);
            for (var j = 0; copies && j < size; j++)
                new Span<float>(slab + j * columns, columns).CopyTo(new(s + (long)j * size + first, columns));
        }
    }

    /// <summary>
    /// S[j] = keep · S[j] + k[j] · rate · (v − keep · read) for each row, where read = Σ_j k[j] · S[j] before; then
    /// y = Σ_j q[j] · S[j], and read = Σ_j next[j] · S[j] for the next token.
    /// </summary>
    /// <param name="s">S.</param>
    /// <param name="stride">From one row of S to the next, in floats.</param>
    /// <param name="keep">The decay of S.</param>
    /// <param name="rate">The rate of its correction.</param>
    /// <param name="k">[rows]</param>
    /// <param name="q">[rows]</param>
    /// <param name="v">[columns]</param>
    /// <param name="y">[columns]</param>
    /// <param name="next">[rows], the next token's k; null for none.</param>
    /// <param name="read">[columns]: in: <see cref="MatrixState.Read"/> of k; out: of <paramref name="next"/>.</param>
    /// <param name="rows">Rows of S.</param>
    /// <param name="columns">Columns of S.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Correct(float* s, int stride, float keep, float rate, float* k, float* q, float* v, float* y, float* next,
        float* read, int rows, int columns)
    {
        var c = 0;
        // Without a next token the sums are computed for q again, and ignored.
        var after = next is null ? q : next;
        if (Vector512.IsHardwareAccelerated)
            for (; c + 64 <= columns; c += 64)
            {
                var (keeps, rates) = (Vector512.Create(keep), Vector512.Create(rate));
                var v0 = rates * (Vector512.Load(v + c) - keeps * Vector512.Load(read + c));
                var v1 = rates * (Vector512.Load(v + c + 16) - keeps * Vector512.Load(read + c + 16));
                var v2 = rates * (Vector512.Load(v + c + 32) - keeps * Vector512.Load(read + c + 32));
                var v3 = rates * (Vector512.Load(v + c + 48) - keeps * Vector512.Load(read + c + 48));
                var (sum0, sum1, sum2, sum3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
                var (next0, next1, next2, next3) = (sum0, sum0, sum0, sum0);
                var at = s + c;
                for (var j = 0; j < rows; j++, at += stride)
                {
                    var (key, query, later) = (Vector512.Create(k[j]), Vector512.Create(q[j]), Vector512.Create(after[j]));
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
                    next0 = Vector512.FusedMultiplyAdd(later, s0, next0);
                    next1 = Vector512.FusedMultiplyAdd(later, s1, next1);
                    next2 = Vector512.FusedMultiplyAdd(later, s2, next2);
                    next3 = Vector512.FusedMultiplyAdd(later, s3, next3);
                }
                sum0.Store(y + c);
                sum1.Store(y + c + 16);
                sum2.Store(y + c + 32);
                sum3.Store(y + c + 48);
                next0.Store(read + c);
                next1.Store(read + c + 16);
                next2.Store(read + c + 32);
                next3.Store(read + c + 48);
            }
        for (; c + 8 <= columns; c += 8)
        {
            var value = Vector256.Create(rate) * (Vector256.Load(v + c) - Vector256.Create(keep) * Vector256.Load(read + c));
            var (sum, later) = (Vector256<float>.Zero, Vector256<float>.Zero);
            var at = s + c;
            for (var j = 0; j < rows; j++, at += stride)
            {
                var changed = Vector256.FusedMultiplyAdd(Vector256.Create(k[j]), value, Vector256.Create(keep) * Vector256.Load(at));
                changed.Store(at);
                sum = Vector256.FusedMultiplyAdd(Vector256.Create(q[j]), changed, sum);
                later = Vector256.FusedMultiplyAdd(Vector256.Create(after[j]), changed, later);
            }
            sum.Store(y + c);
            later.Store(read + c);
        }
        for (; c < columns; c++)
        {
            var (value, sum, later) = (rate * (v[c] - keep * read[c]), 0f, 0f);
            for (var j = 0; j < rows; j++)
            {
                ref var at = ref s[j * stride + c];
                at = MathF.FusedMultiplyAdd(k[j], value, keep * at);
                sum = MathF.FusedMultiplyAdd(q[j], at, sum);
                later = MathF.FusedMultiplyAdd(after[j], at, later);
            }
            (y[c], read[c]) = (sum, later);
        }
    }
}
