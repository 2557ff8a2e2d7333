using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Matrices;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>
/// GEGLU (arXiv 2002.05202) with the approximation by tanh that Gemma has (arXiv 1606.08415): ½·g·(1 + tanh(√(2/π)·(g + 0.044715·g³))) ×
/// up, which is g ÷ (1 + e^−z) × up with z = √(8/π)·(g + 0.044715·g³).
/// </summary>
internal static unsafe class GeluMultiply
{
    internal const float Linear = 1.5957691216057308f, Cubic = 0.044715f * Linear;

    internal static void Scalar(float* gate, float* up, float* y, long count)
    {
        for (long i = 0; i < count; i++)
        {
            var g = gate[i];
            y[i] = g / (1 + MathF.Exp(-g * (Linear + Cubic * g * g))) * up[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Vector(float* gate, float* up, float* y, long count)
    {
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var g = Vector256.Load(gate + i);
            var z = -g * (Vector256.Create(Linear) + Vector256.Create(Cubic) * g * g);
            (g / (Vector256<float>.One + VectorExp.Exp(z)) * Vector256.Load(up + i)).Store(y + i);
        }
        Scalar(gate + i, up + i, y + i, count - i);
    }
}
