using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>SwiGLU (arXiv 2002.05202): y = gate ÷ (1 + e^−gate) × up.</summary>
internal static unsafe class SiluMultiply
{
    internal static void Scalar(float* gate, float* up, float* y, long count)
    {
        for (long i = 0; i < count; i++)
            y[i] = gate[i] / (1 + MathF.Exp(-gate[i])) * up[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Vector(float* gate, float* up, float* y, long count)
    {
        long i = 0;
        for (; Vector512.IsHardwareAccelerated && i + 16 <= count; i += 16)
        {
            var g = Vector512.Load(gate + i);
            (g / (Vector512<float>.One + VectorExp.Exp(-g)) * Vector512.Load(up + i)).Store(y + i);
        }
        for (; i + 8 <= count; i += 8)
        {
            var g = Vector256.Load(gate + i);
            (g / (Vector256<float>.One + VectorExp.Exp(-g)) * Vector256.Load(up + i)).Store(y + i);
        }
        Scalar(gate + i, up + i, y + i, count - i);
    }
}
