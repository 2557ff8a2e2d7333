using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>vpmaddwd on 8 positions or dimensions at a time: 4 queries × 16 lanes stay in registers.</summary>
[SkipLocalsInit]
internal sealed unsafe class Avx2Dots : IntegerDots
{
    public override bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ScoreFour(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales,
        float* scores, nint stride)
    {
        var sums = stackalloc Vector256<int>[2 * Queries];
        for (var position = 0; position < KvLayout.PagePositions; position += 16)
        {
            Sum(q, qStride, keys + 2 * position, 2 * KvLayout.PagePositions, pairs, sums);
            var (low, high) = (Vector256.Load(keyScales + position), Vector256.Load(keyScales + position + 8));
            for (var i = 0; i < Queries; i++)
            {
                var scale = Vector256.Create(queryScales[i]);
                (Vector256.ConvertToSingle(sums[2 * i]) * low * scale).Store(scores + i * stride + position);
                (Vector256.ConvertToSingle(sums[2 * i + 1]) * high * scale).Store(scores + i * stride + position + 8);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void AddFour(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales, float* output)
    {
        var sums = stackalloc Vector256<int>[2 * Queries];
        for (var d = 0; d < stride; d += 16)
        {
            Sum(weights, weightStride, values + 2 * d, 2 * stride, pairs, sums);
            for (var i = 0; i < 2 * Queries; i++)
            {
                var to = output + i / 2 * (nint)stride + d + i % 2 * 8;
                Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(sums[i]), Vector256.Create(scales[i / 2]), Vector256.Load(to))
                    .Store(to);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Sum(short* x, nint xStride, short* w, nint wStride, int pairs, Vector256<int>* sums)
    {
        var (a0, a1, b0, b1) = (Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero);
        var (c0, c1, d0, d1) = (Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero, Vector256<int>.Zero);
        int* a = (int*)x, b = (int*)(x + xStride), c = (int*)(x + 2 * xStride), d = (int*)(x + 3 * xStride);
        for (nint pair = 0; pair < pairs; pair++, w += wStride)
        {
            var (w0, w1) = (Vector256.Load(w), Vector256.Load(w + 16));
            var broadcast = Vector256.Create(a[pair]).AsInt16();
            a0 += Avx2.MultiplyAddAdjacent(w0, broadcast);
            a1 += Avx2.MultiplyAddAdjacent(w1, broadcast);
            broadcast = Vector256.Create(b[pair]).AsInt16();
            b0 += Avx2.MultiplyAddAdjacent(w0, broadcast);
            b1 += Avx2.MultiplyAddAdjacent(w1, broadcast);
            broadcast = Vector256.Create(c[pair]).AsInt16();
            c0 += Avx2.MultiplyAddAdjacent(w0, broadcast);
            c1 += Avx2.MultiplyAddAdjacent(w1, broadcast);
            broadcast = Vector256.Create(d[pair]).AsInt16();
            d0 += Avx2.MultiplyAddAdjacent(w0, broadcast);
            d1 += Avx2.MultiplyAddAdjacent(w1, broadcast);
        }
        (sums[0], sums[1], sums[2], sums[3]) = (a0, a1, b0, b1);
        (sums[4], sums[5], sums[6], sums[7]) = (c0, c1, d0, d1);
    }
}
