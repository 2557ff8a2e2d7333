using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>A query's weights of the 64 positions of a page: from scores to weights, and on to 16-bit integers.</summary>
[SkipLocalsInit]
internal static unsafe class PageWeights
{
    const int Page = KvLayout.PagePositions;

    /// <summary>
    /// All of it at once: weights = exp(score − maximum), lanes[8] += their sum; times the values' scales, 0 outside of [begin, end), where
    /// the scales may be anything; as integers <paramref name="to"/>. Returns the integers' scale, NaN if a weight is NaN.
    /// </summary>
    public static float Make(float* scores, float maximum, float* lanes, float* valueScales, int begin, int end, short* to)
    {
        Exp(scores, maximum, lanes);
        ApplyScales(scores, valueScales, begin, end);
        return Quantize(scores, to, rest: false);
    }

    /// <summary>
    /// The largest of a page's 64 scores; in <paramref name="bound"/> what none of them exceeds, ∞ if one may be NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(float* scores, float* bound)
    {
        if (!Ladder.UsesVectors)
        {
            var largest = Softmax.Largest(scores, Page);
            *bound = AreNumbers(scores, Page) ? largest : float.PositiveInfinity;
            return largest;
        }
        Vector256<float> maxima, sums;
        if (VectorExp.HasSmall)
        {
            Vector512<float> a = Vector512.Load(scores), b = Vector512.Load(scores + 16), c = Vector512.Load(scores + 32), d =
                Vector512.Load(scores + 48);
            var (wide, sum) = (Vector512.MaxNative(Vector512.MaxNative(a, b), Vector512.MaxNative(c, d)), (a + b) + (c + d));
            (maxima, sums) = (Vector256.MaxNative(wide.GetLower(), wide.GetUpper()), sum.GetLower() + sum.GetUpper());
        }
        else
        {
            maxima = sums = Vector256.Load(scores);
            for (var position = 8; position < Page; position += 8)
            {
                var next = Vector256.Load(scores + position);
                maxima = Vector256.MaxNative(maxima, next);
                sums += next;
            }
        }
        var four = Vector128.MaxNative(maxima.GetLower(), maxima.GetUpper());
        four = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        var result = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(1, 0, 3, 2))).ToScalar();
        // A sum that is no number has one among its terms, or infinities: then nothing is promised.
        *bound = Vector256.EqualsAll(sums, sums) ? result : float.PositiveInfinity;
        return result;
    }

    /// <summary>Whether none of them is NaN.</summary>
    public static bool AreNumbers(float* x, int count)
    {
        var (sums, i) = (Vector256<float>.Zero, 0);
        if (Ladder.UsesVectors)
            for (; i + 8 <= count; i += 8)
                sums += Vector256.Load(x + i);
        var sum = Vector256.Sum(sums);
        for (; i < count; i++)
            sum += x[i];
        return !float.IsNaN(sum);
    }

    /// <summary>The same in registers of 512 bits, without a way through memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Make512(float* scores, float maximum, float* lanes, float* valueScales, int begin, int end, short* to)
    {
        var minus = Vector512.Create(maximum);
        var (a, b) = (VectorExp.ExpOfSmall(Vector512.Load(scores) - minus), VectorExp.ExpOfSmall(Vector512.Load(scores + 16) - minus));
        var (c, d) = (VectorExp.ExpOfSmall(Vector512.Load(scores + 32) - minus), VectorExp.ExpOfSmall(Vector512.Load(scores + 48) - minus));
        var sums = (a + b) + (c + d);
        (Vector256.Load(lanes) + (sums.GetLower() + sums.GetUpper())).Store(lanes);
        a *= Vector512.Load(valueScales);
        b *= Vector512.Load(valueScales + 16);
        c *= Vector512.Load(valueScales + 32);
        d *= Vector512.Load(valueScales + 48);
        if (begin > 0 || end < Page)
        {
            a = Seen(a, 0, begin, end);
            b = Seen(b, 16, begin, end);
            c = Seen(c, 32, begin, end);
            d = Seen(d, 48, begin, end);
        }
        return Round512(a, b, c, d, Vector512.Sum((a + b) + (c + d)), to);
    }

    /// <summary>
    /// Four rows of which everything is seen. Step by step for all of them, as each step waits long for the one before.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MakeFour512(float* scores, nint stride, float* maxima, float* lanes, float* valueScales, short* to, float* scales)
    {
        var sums = stackalloc float[4];
        for (var i = 0; i < 4; i++)
        {
            var row = scores + i * stride;
            var minus = Vector512.Create(AttentionTile.Finite(maxima[i]));
            var (a, b) = (VectorExp.ExpOfSmall(Vector512.Load(row) - minus), VectorExp.ExpOfSmall(Vector512.Load(row + 16) - minus));
            var (c, d) = (VectorExp.ExpOfSmall(Vector512.Load(row + 32) - minus), VectorExp.ExpOfSmall(Vector512.Load(row + 48) - minus));
            var all = (a + b) + (c + d);
            (Vector256.Load(lanes + 8 * i) + (all.GetLower() + all.GetUpper())).Store(lanes + 8 * i);
            a *= Vector512.Load(valueScales);
            b *= Vector512.Load(valueScales + 16);
            c *= Vector512.Load(valueScales + 32);
            d *= Vector512.Load(valueScales + 48);
            a.Store(row);
            b.Store(row + 16);
            c.Store(row + 32);
            d.Store(row + 48);
            sums[i] = Vector512.Sum((a + b) + (c + d));
        }
        for (var i = 0; i < 4; i++)
        {
            var row = scores + i * stride;
            scales[i] = Round512(Vector512.Load(row), Vector512.Load(row + 16), Vector512.Load(row + 32),
                Vector512.Load(row + 48), sums[i], to + i * Page);
        }
    }

    // No scale is negative, so that the sum is that of magnitudes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static float Round512(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float sum, short* to)
    {
        if (!float.IsFinite(sum) || sum < Smallest)
        {
            new Span<short>(to, Page).Clear();
            return float.IsFinite(sum) ? 0 : float.NaN;
        }
        var inverse = Vector512.Create(short.MaxValue / sum);
        Avx512F.ConvertToVector256Int16(Avx512F.ConvertToVector512Int32(a * inverse)).Store(to);
        Avx512F.ConvertToVector256Int16(Avx512F.ConvertToVector512Int32(b * inverse)).Store(to + 16);
        Avx512F.ConvertToVector256Int16(Avx512F.ConvertToVector512Int32(c * inverse)).Store(to + 32);
        Avx512F.ConvertToVector256Int16(Avx512F.ConvertToVector512Int32(d * inverse)).Store(to + 48);
        return sum / short.MaxValue;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Seen(Vector512<float> weights, int first, int begin, int end)
    {
        var position = Vector512<int>.Indices + Vector512.Create(first);
        var seen = Vector512.GreaterThanOrEqual(position, Vector512.Create(begin)) & Vector512.LessThan(position, Vector512.Create(end));
        return Vector512.ConditionalSelect(seen.AsSingle(), weights, Vector512<float>.Zero);
    }

    const float Smallest = 1e-30f;

    /// <summary>scores[64] = exp(score − maximum); lanes[8] += their sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Exp(float* scores, float maximum, float* lanes)
    {
        if (!Ladder.UsesVectors)
        {
            lanes[0] += Softmax.ExpMinus(scores, maximum, Page);
            return;
        }
        var (sum, minus) = (Vector256.Load(lanes), Vector256.Create(maximum));
        for (var position = 0; position < Page; position += 8)
        {
            var weight = VectorExp.Exp(Vector256.Load(scores + position) - minus);
            weight.Store(scores + position);
            sum += weight;
        }
        sum.Store(lanes);
    }

    /// <summary>weights[64] *= valueScales; 0 outside of what is seen, where the scales may be anything.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ApplyScales(float* weights, float* valueScales, int begin, int end)
    {
        var position = begin;
        if (Ladder.UsesVectors && begin == 0)
            for (; position + 8 <= end; position += 8)
                (Vector256.Load(weights + position) * Vector256.Load(valueScales + position)).Store(weights + position);
        for (; position < end; position++)
            weights[position] *= valueScales[position];
        new Span<float>(weights, begin).Clear();
        new Span<float>(weights + end, Page - end).Clear();
    }

    /// <summary>
    /// The weights of a page as integers; returns their scale, NaN if one is NaN. <paramref name="rest"/>: leaves what is left
    /// over.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Quantize(float* weights, short* to, bool rest)
    {
        var sums = Vector256<float>.Zero;
        for (var position = 0; position < Page; position += 8)
            sums += Vector256.Abs(Vector256.Load(weights + position));
        var sum = Vector256.Sum(sums);
        if (!float.IsFinite(sum) || sum < Smallest)
        {
            new Span<short>(to, Page).Clear();
            return float.IsFinite(sum) ? 0 : float.NaN;
        }
        // No weight is more than their sum, and rounding adds at most 32 to it.
        var (inverse, scale) = (Vector256.Create(short.MaxValue / sum), sum / short.MaxValue);
        for (var position = 0; position < Page; position += 16)
        {
            var low = Vector256.ConvertToInt32Native(Vector256.Round(Vector256.Load(weights + position) * inverse));
            var high = Vector256.ConvertToInt32Native(Vector256.Round(Vector256.Load(weights + position + 8) * inverse));
            Vector256.Narrow(low, high).Store(to + position);
            if (!rest)
                continue;
            (Vector256.Load(weights + position) - Vector256.ConvertToSingle(low) * scale).Store(weights + position);
            (Vector256.Load(weights + position + 8) - Vector256.ConvertToSingle(high) * scale).Store(weights + position + 8);
        }
        return scale;
    }
}
