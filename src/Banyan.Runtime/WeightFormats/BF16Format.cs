using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.WeightFormats;

/// <summary>BF16: a block is the upper 16 bits of a float.</summary>
sealed class BF16Format() : WeightFormat("BF16", ggufType: 30, blockWeights: 1, blockBytes: 2)
{
    internal override string TorchType => "bfloat16";

    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        var words = MemoryMarshal.Cast<byte, ushort>(blocks);
        var bits = MemoryMarshal.Cast<float, uint>(destination);
        var done = 0;
        if (Vector256.IsHardwareAccelerated)
            for (; done <= words.Length - Vector256<ushort>.Count; done += Vector256<ushort>.Count)
            {
                var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(words), (nuint)done));
                (low << 16).StoreUnsafe(ref MemoryMarshal.GetReference(bits), (nuint)done);
                (high << 16).StoreUnsafe(ref MemoryMarshal.GetReference(bits), (nuint)(done + Vector256<uint>.Count));
            }
        Scalar(blocks[(2 * done)..], destination[done..]);
    }

    internal static void Scalar(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        var words = MemoryMarshal.Cast<byte, ushort>(blocks);
        for (var i = 0; i < words.Length; i++)
            destination[i] = BitConverter.UInt32BitsToSingle((uint)words[i] << 16);
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        var words = MemoryMarshal.Cast<byte, ushort>(blocks);
        for (var i = 0; i < words.Length; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(weights[i]);
            words[i] = float.IsNaN(weights[i])
                ? (ushort)((bits >> 16) | 0x40) // rounding could carry a NaN into infinity
                : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16); // to nearest, ties to even
        }
    }
}
