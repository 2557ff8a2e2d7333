using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Runtime.Kernels;

/// <summary>A query's weights of the 64 positions of a page: from scores to what is summed, and on to integers of 16 bits.</summary>
[SkipLocalsInit]
internal static unsafe class PageWeights
{
    const int Page = KvLayout.PagePositions;

    /// <summary>
    /// All of it at once: weights = exp(score − maximum), lanes[8] += their sum; times the values' scales, 0 outside of [begin, end), where the scales
    /// may be anything; as integers <paramref name="to"/>. Returns the integers' scale, NaN where a weight is no number.
    /// </summary>
    public static float Make(float* scores, float maximum, float* lanes, float* valueScales, int begin, int end, short* to)
    {
        Exp(scores, maximum, lanes);
        ApplyScales(scores, valueScales, begin, end);
        return Quantize(scores, to, rest: false);
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
        // No scale is negative.
        var sum = Vector512.Sum((a + b) + (c + d));
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

    /// <summary>The weights of a page as integers; returns their scale, NaN where one is no number. <paramref name="rest"/>: leaves what is left over.</summary>
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
