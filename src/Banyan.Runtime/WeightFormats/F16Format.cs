using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.WeightFormats;

/// <summary>F16: a block is one IEEE half.</summary>
sealed class F16Format() : WeightFormat("F16", ggufType: 1, blockWeights: 1, blockBytes: 2)
{
    internal override string TorchType => "float16";

    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        var halves = MemoryMarshal.Cast<byte, ushort>(blocks);
        var done = 0;
        if (Vector256.IsHardwareAccelerated)
            for (; done <= halves.Length - Vector256<ushort>.Count; done += Vector256<ushort>.Count)
            {
                var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(halves), (nuint)done));
                Widen(low).StoreUnsafe(ref MemoryMarshal.GetReference(destination), (nuint)done);
                Widen(high).StoreUnsafe(ref MemoryMarshal.GetReference(destination), (nuint)(done + Vector256<float>.Count));
            }
        Scalar(blocks[(2 * done)..], destination[done..]);
    }

    internal static void Scalar(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        var halves = MemoryMarshal.Cast<byte, Half>(blocks);
        for (var i = 0; i < halves.Length; i++)
            destination[i] = (float)halves[i];
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        var halves = MemoryMarshal.Cast<byte, Half>(blocks);
        for (var i = 0; i < halves.Length; i++)
            halves[i] = (Half)weights[i];
    }

    /// <summary>
    /// Converts halves in the low 16 bits to floats, exactly. With exponent and fraction shifted into place the float is too small by
    /// 2¹¹² (denormals included), which one multiplication corrects; infinities and NaN get the float's highest exponent instead. A NaN
    /// becomes quiet, as in the hardware's own conversion.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Widen(Vector256<uint> half)
    {
        var sign = (half & Vector256.Create(0x8000u)) << 16;
        var magnitude = (half & Vector256.Create(0x7fffu)) << 13;
        var finite = magnitude.AsSingle() * Vector256.Create(0x77800000u).AsSingle(); // 2^112
        var special = magnitude | Vector256.Create(0x7f800000u)
            | (Vector256.GreaterThan(magnitude, Vector256.Create(0x7c00u << 13)) & Vector256.Create(0x00400000u));
        var isSpecial = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x7c00u << 13));
        return (Vector256.ConditionalSelect(isSpecial, special, finite.AsUInt32()) | sign).AsSingle();
    }
}
