using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>
/// Arm64's smlal: four products of 16 bits are widened and added at a time. A pair's halves come apart when they are loaded (ld2), so that
/// sums are whole and a query's two integers are picked from a vector by the instruction; 4 queries × 16 lanes stay in registers.
/// </summary>
[SkipLocalsInit]
internal sealed unsafe class NeonDots : IntegerDots
{
    const int Lanes = 16, Vectors = 4;

    public override bool IsSupported => AdvSimd.Arm64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ScoreFour(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales,
        float* scores, nint stride)
    {
        var sums = stackalloc Vector128<int>[Vectors * Queries];
        for (var position = 0; position < KvLayout.PagePositions; position += Lanes)
        {
            Sum(q, qStride, keys + 2 * position, 2 * KvLayout.PagePositions, pairs, sums);
            for (var i = 0; i < Vectors * Queries; i++)
            {
                var at = position + 4 * (i % Vectors);
                (Vector128.ConvertToSingle(sums[i]) * Vector128.Load(keyScales + at) * queryScales[i / Vectors]).Store(scores
                    + i / Vectors * stride + at);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void AddFour(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales, float* output)
    {
        var sums = stackalloc Vector128<int>[Vectors * Queries];
        for (var d = 0; d < stride; d += Lanes)
        {
            Sum(weights, weightStride, values + 2 * d, 2 * stride, pairs, sums);
            for (var i = 0; i < Vectors * Queries; i++)
            {
                var to = output + i / Vectors * (nint)stride + d + 4 * (i % Vectors);
                Vector128.FusedMultiplyAdd(Vector128.ConvertToSingle(sums[i]), Vector128.Create(scales[i / Vectors]), Vector128.Load(to))
                    .Store(to);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Sum(short* x, nint xStride, short* w, nint wStride, int pairs, Vector128<int>* sums)
    {
        var (a0, a1, a2, a3) = (Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero);
        var (b0, b1, b2, b3) = (Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero);
        var (c0, c1, c2, c3) = (Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero);
        var (d0, d1, d2, d3) = (Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero);
        int* a = (int*)x, b = (int*)(x + xStride), c = (int*)(x + 2 * xStride), d = (int*)(x + 3 * xStride);
        for (nint pair = 0; pair < pairs; pair++, w += wStride)
        {
            var (first, second) = AdvSimd.Arm64.Load2xVector128AndUnzip(w);
            var (nextFirst, nextSecond) = AdvSimd.Arm64.Load2xVector128AndUnzip(w + Lanes);
            var both = AdvSimd.LoadAndReplicateToVector64(a + pair).AsInt16();
            (a0, a1) = (Low(a0, first, second, both), High(a1, first, second, both));
            (a2, a3) = (Low(a2, nextFirst, nextSecond, both), High(a3, nextFirst, nextSecond, both));
            both = AdvSimd.LoadAndReplicateToVector64(b + pair).AsInt16();
            (b0, b1) = (Low(b0, first, second, both), High(b1, first, second, both));
            (b2, b3) = (Low(b2, nextFirst, nextSecond, both), High(b3, nextFirst, nextSecond, both));
            both = AdvSimd.LoadAndReplicateToVector64(c + pair).AsInt16();
            (c0, c1) = (Low(c0, first, second, both), High(c1, first, second, both));
            (c2, c3) = (Low(c2, nextFirst, nextSecond, both), High(c3, nextFirst, nextSecond, both));
            both = AdvSimd.LoadAndReplicateToVector64(d + pair).AsInt16();
            (d0, d1) = (Low(d0, first, second, both), High(d1, first, second, both));
            (d2, d3) = (Low(d2, nextFirst, nextSecond, both), High(d3, nextFirst, nextSecond, both));
        }
        (sums[0], sums[1], sums[2], sums[3]) = (a0, a1, a2, a3);
        (sums[4], sums[5], sums[6], sums[7]) = (b0, b1, b2, b3);
        (sums[8], sums[9], sums[10], sums[11]) = (c0, c1, c2, c3);
        (sums[12], sums[13], sums[14], sums[15]) = (d0, d1, d2, d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> Low(Vector128<int> sum, Vector128<short> first, Vector128<short> second, Vector64<short> both) =>
        AdvSimd.MultiplyBySelectedScalarWideningLowerAndAdd(
            AdvSimd.MultiplyBySelectedScalarWideningLowerAndAdd(sum, first.GetLower(), both, 0), second.GetLower(), both, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> High(Vector128<int> sum, Vector128<short> first, Vector128<short> second, Vector64<short> both) =>
        AdvSimd.MultiplyBySelectedScalarWideningUpperAndAdd(
            AdvSimd.MultiplyBySelectedScalarWideningUpperAndAdd(sum, first, both, 0), second, both, 1);
}
