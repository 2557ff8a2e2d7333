using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>Operations on a row of floats that mixers with a recurrent state are made of.</summary>
internal static unsafe class FloatRows
{
    /// <summary>Σ a · b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot(float* a, float* b, int count)
    {
        var (sums, i, sum) = (Vector256<float>.Zero, 0, 0f);
        for (; i + 8 <= count; i += 8)
            sums = Vector256.FusedMultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), sums);
        for (; i < count; i++)
            sum += a[i] * b[i];
        return sum + Vector256.Sum(sums);
    }

    /// <summary>y = y · <paramref name="keep"/> + x · <paramref name="factor"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Blend(float* y, float keep, float* x, float factor, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
            Vector256.FusedMultiplyAdd(Vector256.Load(x + i), Vector256.Create(factor), Vector256.Load(y + i) * keep).Store(y + i);
        for (; i < count; i++)
            y[i] = y[i] * keep + x[i] * factor;
    }

    /// <summary>y *= σ(x).</summary>
    public static void MultiplyBySigmoid(float* y, float* x, int count)
    {
        for (var i = 0; i < count; i++)
            y[i] *= Sigmoid(x[i]);
    }

    /// <summary>y *= x · σ(x).</summary>
    public static void MultiplyBySilu(float* y, float* x, int count)
    {
        for (var i = 0; i < count; i++)
            y[i] *= x[i] * Sigmoid(x[i]);
    }

    /// <summary>1 ÷ (1 + e^−x).</summary>
    public static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));

    /// <summary>ln(1 + e^x).</summary>
    public static float Softplus(float x) => x > 20 ? x : MathF.Log(1 + MathF.Exp(x));

    /// <summary>x ÷ √(Σx² + ε), in place.</summary>
    public static void Normalize(float* x, int count, float epsilon, float factor = 1)
    {
        var scale = factor / MathF.Sqrt(Dot(x, x, count) + epsilon);
        for (var i = 0; i < count; i++)
            x[i] *= scale;
    }

    /// <summary>x ÷ √(mean(x²) + ε), in place; × weight where there is one.</summary>
    public static void Norm(float* x, float* weight, int count, float epsilon)
    {
        var scale = 1 / MathF.Sqrt(Dot(x, x, count) / count + epsilon);
        for (var i = 0; i < count; i++)
            x[i] *= weight is null ? scale : scale * weight[i];
    }

    /// <summary>x = cap · tanh(x ÷ cap), in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SoftCap(float* x, float cap, int count)
    {
        var i = 0;
        // tanh(z) = 1 − 2 ÷ (e^2z + 1)
        for (; i + 8 <= count; i += 8)
        {
            var e = VectorExp.Exp(Vector256.Load(x + i) * (2 / cap));
            (Vector256.Create(cap) - Vector256.Create(2 * cap) / (e + Vector256<float>.One)).Store(x + i);
        }
        for (; i < count; i++)
            x[i] = cap * MathF.Tanh(x[i] / cap);
    }
}
