using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>Products with one number, in place.</summary>
internal static unsafe class Scale
{
    /// <summary>x *= factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(float* x, float factor, long count)
    {
        long i = 0;
        if (Ladder.UsesVectors)
            for (; i + 8 <= count; i += 8)
                (Vector256.Load(x + i) * factor).Store(x + i);
        for (; i < count; i++)
            x[i] *= factor;
    }
}
