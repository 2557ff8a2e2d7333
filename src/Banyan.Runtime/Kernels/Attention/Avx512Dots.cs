using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>vpmaddwd on 16 positions or dimensions at a time: 4 queries × 64 lanes stay in registers.</summary>
[SkipLocalsInit]
internal sealed unsafe class Avx512Dots : IntegerDots
{
    public override bool IsSupported => Avx512BW.IsSupported && Avx512F.IsSupported;

    public override float Weigh(float* scores, float maximum, float* lanes, float* valueScales, int begin, int end, short* to) =>
        PageWeights.Make512(scores, maximum, lanes, valueScales, begin, end, to);

    public override void WeighFour(float* scores, nint stride, float* maxima, float* lanes, float* valueScales, short* to, float* scales) =>
        PageWeights.MakeFour512(scores, stride, maxima, lanes, valueScales, to, scales);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ScoreFour(short* q, nint qStride, short* keys, int pairs, float* queryScales, float* keyScales,
        float* scores, nint stride)
    {
        var sums = stackalloc Vector512<int>[4 * Queries];
        Sum(q, qStride, keys, 2 * KvLayout.PagePositions, pairs, sums);
        for (var i = 0; i < Queries; i++)
        {
            var scale = Vector512.Create(queryScales[i]);
            for (var j = 0; j < 4; j++)
                (Vector512.ConvertToSingle(sums[4 * i + j]) * Vector512.Load(keyScales + 16 * j)
                    * scale).Store(scores + i * stride + 16 * j);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void AddFour(short* weights, nint weightStride, short* values, int pairs, int stride, float* scales, float* output)
    {
        var sums = stackalloc Vector512<int>[4 * Queries];
        var d = 0;
        for (; d + 64 <= stride; d += 64)
        {
            Sum(weights, weightStride, values + 2 * d, 2 * stride, pairs, sums);
            for (var i = 0; i < Queries; i++)
                for (var j = 0; j < 4; j++)
                    Store(sums[4 * i + j], scales[i], output + i * (nint)stride + d + 16 * j);
        }
        for (; d < stride; d += 16)
        {
            SumNarrow(weights, weightStride, values + 2 * d, 2 * stride, pairs, sums);
            for (var i = 0; i < Queries; i++)
                Store(sums[i], scales[i], output + i * (nint)stride + d);
        }

        static void Store(Vector512<int> sum, float scale, float* to) =>
            Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(sum), Vector512.Create(scale), Vector512.Load(to)).Store(to);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Sum(short* x, nint xStride, short* w, nint wStride, int pairs, Vector512<int>* sums)
    {
        var (a0, a1, a2, a3) = (Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero);
        var (b0, b1, b2, b3) = (Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero);
        var (c0, c1, c2, c3) = (Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero);
        var (d0, d1, d2, d3) = (Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero);
        int* a = (int*)x, b = (int*)(x + xStride), c = (int*)(x + 2 * xStride), d = (int*)(x + 3 * xStride);
        for (nint pair = 0; pair < pairs; pair++, w += wStride)
        {
            Vector512<short> w0 = Vector512.Load(w), w1 = Vector512.Load(w + 32), w2 = Vector512.Load(w + 64), w3 = Vector512.Load(w + 96);
            var broadcast = Vector512.Create(a[pair]).AsInt16();
            a0 += Avx512BW.MultiplyAddAdjacent(w0, broadcast);
            a1 += Avx512BW.MultiplyAddAdjacent(w1, broadcast);
            a2 += Avx512BW.MultiplyAddAdjacent(w2, broadcast);
            a3 += Avx512BW.MultiplyAddAdjacent(w3, broadcast);
            broadcast = Vector512.Create(b[pair]).AsInt16();
            b0 += Avx512BW.MultiplyAddAdjacent(w0, broadcast);
            b1 += Avx512BW.MultiplyAddAdjacent(w1, broadcast);
            b2 += Avx512BW.MultiplyAddAdjacent(w2, broadcast);
            b3 += Avx512BW.MultiplyAddAdjacent(w3, broadcast);
            broadcast = Vector512.Create(c[pair]).AsInt16();
            c0 += Avx512BW.MultiplyAddAdjacent(w0, broadcast);
            c1 += Avx512BW.MultiplyAddAdjacent(w1, broadcast);
            c2 += Avx512BW.MultiplyAddAdjacent(w2, broadcast);
            c3 += Avx512BW.MultiplyAddAdjacent(w3, broadcast);
            broadcast = Vector512.Create(d[pair]).AsInt16();
            d0 += Avx512BW.MultiplyAddAdjacent(w0, broadcast);
            d1 += Avx512BW.MultiplyAddAdjacent(w1, broadcast);
            d2 += Avx512BW.MultiplyAddAdjacent(w2, broadcast);
            d3 += Avx512BW.MultiplyAddAdjacent(w3, broadcast);
        }
        (sums[0], sums[1], sums[2], sums[3]) = (a0, a1, a2, a3);
        (sums[4], sums[5], sums[6], sums[7]) = (b0, b1, b2, b3);
        (sums[8], sums[9], sums[10], sums[11]) = (c0, c1, c2, c3);
        (sums[12], sums[13], sums[14], sums[15]) = (d0, d1, d2, d3);
    }

    /// <summary>16 lanes of 4 queries, for what is no multiple of 64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void SumNarrow(short* x, nint xStride, short* w, nint wStride, int pairs, Vector512<int>* sums)
    {
        var (a, b, c, d) = (Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero);
        for (nint pair = 0; pair < pairs; pair++, w += wStride)
        {
            var w0 = Vector512.Load(w);
            a += Avx512BW.MultiplyAddAdjacent(w0, Vector512.Create(((int*)x)[pair]).AsInt16());
            b += Avx512BW.MultiplyAddAdjacent(w0, Vector512.Create(((int*)(x + xStride))[pair]).AsInt16());
            c += Avx512BW.MultiplyAddAdjacent(w0, Vector512.Create(((int*)(x + 2 * xStride))[pair]).AsInt16());
            d += Avx512BW.MultiplyAddAdjacent(w0, Vector512.Create(((int*)(x + 3 * xStride))[pair]).AsInt16());
        }
        (sums[0], sums[1], sums[2], sums[3]) = (a, b, c, d);
    }
}
