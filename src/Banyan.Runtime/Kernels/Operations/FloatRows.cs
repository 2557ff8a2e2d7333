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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyBySigmoid(float* y, float* x, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
            (Vector256.Load(y + i) / (Vector256<float>.One + VectorExp.Exp(-Vector256.Load(x + i)))).Store(y + i);
        for (; i < count; i++)
            y[i] *= Sigmoid(x[i]);
    }

    /// <summary>y *= x · σ(x).</summary>
    public static void MultiplyBySilu(float* y, float* x, int count) => SiluMultiply.Vector(x, y, y, count);

    /// <summary>
    /// y[c] = bias[c] + Σ_tap weight[tap, c] · taps[tap][c], for c from <paramref name="first"/>, a multiple of 8, to
    /// <paramref name="end"/>: a convolution of each channel by itself.
    /// </summary>
    /// <param name="taps">A row for each tap; null for one of zeros.</param>
    /// <param name="weight">[taps, <paramref name="channels"/>]</param>
    /// <param name="bias">[channels]; null for none.</param>
    /// <param name="y">[channels]</param>
    /// <param name="count">Taps.</param>
    /// <param name="channels">Channels of the weight's rows.</param>
    /// <param name="first">The first channel.</param>
    /// <param name="end">The channel after the last.</param>
    /// <param name="silu">Whether SiLU is applied: y = sum · σ(sum).</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Convolve(float** taps, float* weight, float* bias, float* y, int count, int channels, int first, int end, bool silu)
    {
        var c = first;
        for (; Vector512.IsHardwareAccelerated && c + 16 <= end; c += 16)
        {
            var sum = bias is null ? Vector512<float>.Zero : Vector512.Load(bias + c);
            for (var tap = 0; tap < count; tap++)
                if (taps[tap] is not null)
                    sum = Vector512.FusedMultiplyAdd(Vector512.Load(weight + (long)tap * channels + c), Vector512.Load(taps[tap] + c), sum);
            (silu ? sum / (Vector512<float>.One + VectorExp.Exp(-sum)) : sum).Store(y + c);
        }
        for (; c + 8 <= end; c += 8)
        {
            var sum = bias is null ? Vector256<float>.Zero : Vector256.Load(bias + c);
            for (var tap = 0; tap < count; tap++)
                if (taps[tap] is not null)
                    sum = Vector256.FusedMultiplyAdd(Vector256.Load(weight + (long)tap * channels + c), Vector256.Load(taps[tap] + c), sum);
            (silu ? sum / (Vector256<float>.One + VectorExp.Exp(-sum)) : sum).Store(y + c);
        }
        for (; c < end; c++)
        {
            var sum = bias is null ? 0 : bias[c];
            for (var tap = 0; tap < count; tap++)
                if (taps[tap] is not null)
                    sum = MathF.FusedMultiplyAdd(weight[(long)tap * channels + c], taps[tap][c], sum);
            y[c] = silu ? sum * Sigmoid(sum) : sum;
        }
    }

    /// <summary>y *= x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(float* y, float* x, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
            (Vector256.Load(y + i) * Vector256.Load(x + i)).Store(y + i);
        for (; i < count; i++)
            y[i] *= x[i];
    }

    /// <summary>1 ÷ (1 + e^−x).</summary>
    public static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));

    /// <summary>ln(1 + e^x).</summary>
    public static float Softplus(float x) => x > 20 ? x : MathF.Log(1 + MathF.Exp(x));

    /// <summary>x ÷ √(Σx² + ε), in place.</summary>
    public static void Normalize(float* x, int count, float epsilon, float factor = 1) =>
        Multiply(x, factor / MathF.Sqrt(Dot(x, x, count) + epsilon), count);

    /// <summary>x ÷ √(mean(x²) + ε), in place; × weight where there is one.</summary>
    public static void Norm(float* x, float* weight, int count, float epsilon)
    {
        Multiply(x, 1 / MathF.Sqrt(Dot(x, x, count) / count + epsilon), count);
        if (weight is not null)
            Multiply(x, weight, count);
    }

    /// <summary>x *= factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Multiply(float* x, float factor, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
            (Vector256.Load(x + i) * factor).Store(x + i);
        for (; i < count; i++)
            x[i] *= factor;
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
