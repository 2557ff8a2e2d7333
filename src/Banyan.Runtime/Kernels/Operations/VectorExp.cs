using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>
/// e^x of eight floats within 2 units in the last place (Cody and Waite's reduction, the Cephes polynomial). Below −87.3 it is 0, above
/// 88.3 infinity; NaN stays NaN.
/// </summary>
internal static class VectorExp
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        var tooSmall = Vector256.LessThan(x, Vector256.Create(-87.3f));
        var tooLarge = Vector256.GreaterThan(x, Vector256.Create(88.3f));
        var power = Vector256.Round(x * Vector256.Create(1.44269504f));
        var r = Vector256.FusedMultiplyAdd(power, Vector256.Create(-0.693359375f), x);
        r = Vector256.FusedMultiplyAdd(power, Vector256.Create(2.12194440e-4f), r);
        var p = Vector256.Create(1.9875691500e-4f);
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.3981999507e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(8.3334519073e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(4.1665795894e-2f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.6666665459e-1f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(5.0000001201e-1f));
        p = Vector256.FusedMultiplyAdd(p, r * r, r + Vector256<float>.One);
        // p is in [0.7, 1.42] or NaN; out-of-range exponents are replaced below.
        var scale = ((Vector256.ConvertToInt32Native(power) + Vector256.Create(127)) << 23).AsSingle();
        var result = p * scale;
        result = Vector256.ConditionalSelect(tooSmall, Vector256<float>.Zero, result);
        return Vector256.ConditionalSelect(tooLarge, Vector256.Create(float.PositiveInfinity), result);
    }

    /// <summary>The same of sixteen, bit for bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var power = Vector512.Round(x * Vector512.Create(1.44269504f));
        var r = Vector512.FusedMultiplyAdd(power, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(power, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(1.9875691500e-4f), r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r + Vector512<float>.One);
        var result = p * ((Vector512.ConvertToInt32Native(power) + Vector512.Create(127)) << 23).AsSingle();
        result = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-87.3f)), Vector512<float>.Zero, result);
        return Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512.Create(88.3f)),
            Vector512.Create(float.PositiveInfinity), result);
    }

    /// <summary>
    /// e^x of sixteen floats up to 0 or so, to 4·10⁻⁷ near 0 and 3·10⁻⁶ at −20: as 2 to the power of x / ln 2, whose integer part is for
    /// AVX-512's scaling instruction, which knows what is too small, and the rest for a polynomial.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ExpOfSmall(Vector512<float> x)
    {
        // −∞ becomes a number whose exponential is 0.
        x = Avx512F.Max(Vector512.Create(-200f), x) * Vector512.Create(1.44269504f);
        var power = Avx512F.RoundScale(x, 0);
        var r = x - power;
        var p = Vector512.Create(1.33908633e-3f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(9.67603177e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.55035695e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(2.40221068e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(6.93147182e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        return Avx512F.Scale(p, power);
    }

    /// <summary>Whether <see cref="ExpOfSmall"/> can be used.</summary>
    public static bool HasSmall => Avx512F.IsSupported && Vector512.IsHardwareAccelerated;
}
