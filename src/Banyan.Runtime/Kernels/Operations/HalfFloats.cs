using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Operations;

/// <summary>
/// F16 from and to F32 in vectors: .NET has no intrinsic for it, so the exponent is moved by integers. Exact in both directions, subnormals
/// included; to F16 it rounds to nearest, ties to even, as <see cref="Half"/> does.
/// </summary>
internal static unsafe class HalfFloats
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToFloat(ushort* from, float* to, long count)
    {
        long i = 0;
        if (Ladder.UsesVectors)
            for (; i + 8 <= count; i += 8)
                ToFloat(from + i).Store(to + i);
        for (; i < count; i++)
            to[i] = (float)((Half*)from)[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromFloat(float* from, ushort* to, long count)
    {
        long i = 0;
        if (Ladder.UsesVectors)
            for (; i + 8 <= count; i += 8)
                FromFloat(Vector256.Load(from + i)).Store(to + i);
        for (; i < count; i++)
            ((Half*)to)[i] = (Half)from[i];
    }

    /// <summary>Eight halves as floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ToFloat(ushort* from)
    {
        var (low, high) = Vector128.Widen(Vector128.Load(from));
        return ToFloat(Vector256.Create(low, high));
    }

    /// <summary>Eight halves, each in the low 16 bits of its lane, the rest 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ToFloat(Vector256<uint> half)
    {
        // 2^112 moves the exponent's bias from 15 to 127; a half subnormal is then a float subnormal that the product makes normal.
        var magnitude = (half & Vector256.Create(0x7FFFu)) << 13;
        var value = (magnitude.AsSingle() * Vector256.Create(5.192296858534828e33f)).AsUInt32();
        var special = Vector256.GreaterThan(magnitude.AsInt32(), Vector256.Create(0x0F7FFFFF)).AsUInt32() & Vector256.Create(0x7F800000u);
        return (value | special | (half & Vector256.Create(0x8000u)) << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> FromFloat(Vector256<float> value)
    {
        var bits = value.AsUInt32();
        var magnitude = bits & Vector256.Create(0x7FFFFFFFu);
        var normal = (magnitude + Vector256.Create(0xC8000FFFu) + (magnitude >> 13 & Vector256<uint>.One)) >> 13;
        // One half's unit in the last place is 0.5's in a float: the addition rounds.
        var subnormal = (magnitude.AsSingle() + Vector256.Create(0.5f)).AsUInt32() - Vector256.Create(0x3F000000u);
        var special = Vector256.Create(0x7C00u) | Vector256.GreaterThan(magnitude.AsInt32(), Vector256.Create(0x7F800000))
            .AsUInt32() & Vector256.Create(0x0200u);
        var half = Vector256.ConditionalSelect(Vector256.LessThan(magnitude.AsInt32(), Vector256.Create(0x38800000))
            .AsUInt32(), subnormal, normal);
        half = Vector256.ConditionalSelect(Vector256.GreaterThan(magnitude.AsInt32(), Vector256.Create(0x477FFFFF))
            .AsUInt32(), special, half);
        half |= bits >> 16 & Vector256.Create(0x8000u);
        return Vector128.Narrow(half.GetLower(), half.GetUpper());
    }
}
