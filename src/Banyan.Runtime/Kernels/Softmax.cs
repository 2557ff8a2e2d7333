using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels;

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
            for (var lane = 0; lane < 8; lane++)
                largest = Math.Max(largest, vector[lane]);
        }
        for (; i < count; i++)
            largest = Math.Max(largest, x[i]);
        return largest;
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
