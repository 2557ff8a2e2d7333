using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>Consecutive tokens of one head.</summary>
internal unsafe struct DeltaRows
{
    /// <summary>How many; at most <see cref="DeltaRule.Tokens"/>.</summary>
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
    /// <summary>The largest number of tokens in one call for heads of this width, at most <paramref name="count"/>: the caller keeps their
    /// queries and keys on the stack, whatever the file says of the width.</summary>
    public static int Tokens(int size, int count) => Math.Min(count, Math.Clamp(MostFloats / size, 1, MostTokens));

    const int MostTokens = 16, MostFloats = 2048;

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
            {
                Change(read, rows.Values + i * (long)rows.ValueStride + first, rows.Keep[i], rows.Rate[i], columns);
                float* k = rows.Keys + i * size, q = rows.Queries + i * size, y = rows.Outputs + i * (long)rows.OutputStride + first;
                if (i + 1 < rows.Count)
                    MatrixState.Update<MatrixState.HasNext>(at, stride, rows.Keep[i], k, read, q, y, k + size, read, size, columns);
                else
                    MatrixState.Update<MatrixState.NoNext>(at, stride, rows.Keep[i], k, read, q, y, null, null, size, columns);
            }
            for (var j = 0; copies && j < size; j++)
                new Span<float>(slab + j * columns, columns).CopyTo(new(s + (long)j * size + first, columns));
        }
    }

    /// <summary>rate · (v − keep · read), in place of read.</summary>
    static void Change(float* read, float* v, float keep, float rate, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
            (Vector256.Create(rate) * (Vector256.Load(v + i) - Vector256.Create(keep) * Vector256.Load(read + i))).Store(read + i);
        for (; i < count; i++)
            read[i] = rate * (v[i] - keep * read[i]);
    }
}
