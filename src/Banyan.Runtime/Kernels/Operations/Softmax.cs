using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>Softmax of a row, in place.</summary>
internal static unsafe class Softmax
{
    public static void Apply(float* x, int count)
    {
        var largest = Largest(x, count);
        var sum = ExpMinus(x, largest, count);
        var scale = 1 / sum;
        for (var i = 0; i < count; i++)
            x[i] *= scale;
    }

    /// <summary>The largest value; −∞ of an empty row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static float Largest(float* x, int count)
    {
        var i = 0;
        var largest = float.NegativeInfinity;
        if (Ladder.UsesVectors && count >= 8)
        {
            var vector = Vector256.Load(x);
            for (i = 8; i + 8 <= count; i += 8)
                vector = Vector256.MaxNative(vector, Vector256.Load(x + i));
            largest = LargestLane(vector);
        }
        for (; i < count; i++)
            largest = Math.Max(largest, x[i]);
        return largest;
    }

    /// <summary>The largest of eight; NaN where one is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float LargestLane(Vector256<float> x)
    {
        var four = Vector128.Max(x.GetLower(), x.GetUpper());
        var two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>x = e^(x − <paramref name="minus"/>); returns the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static float ExpMinus(float* x, float minus, int count)
    {
        var i = 0;
        var sum = 0f;
        if (Ladder.UsesVectors)
        {
            var sums = Vector256<float>.Zero;
            for (; i + 8 <= count; i += 8)
            {
                var e = VectorExp.Exp(Vector256.Load(x + i) - Vector256.Create(minus));
                e.Store(x + i);
                sums += e;
            }
            sum = Vector256.Sum(sums);
        }
        for (; i < count; i++)
            sum += x[i] = MathF.Exp(x[i] - minus);
        return sum;
    }
}
