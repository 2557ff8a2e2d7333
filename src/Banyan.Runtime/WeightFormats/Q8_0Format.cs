using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.WeightFormats;

/// <summary>Q8_0: <c>half d; sbyte q[32]</c>; w = d·q.</summary>
sealed class Q8_0Format() : WeightFormat("Q8_0", ggufType: 8, blockWeights: 32, blockBytes: 34)
{
    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        if (!Vector256.IsHardwareAccelerated)
        {
            Scalar(blocks, destination);
            return;
        }
        for (; blocks.Length > 0; blocks = blocks[34..], destination = destination[32..])
        {
            var d = Vector256.Create((float)BinaryPrimitives.ReadHalfLittleEndian(blocks));
            var (low, high) = Vector256.Widen(Vector256.Create(MemoryMarshal.Cast<byte, sbyte>(blocks.Slice(2, 32))));
            var (q0, q1) = Vector256.Widen(low);
            var (q2, q3) = Vector256.Widen(high);
            (Vector256.ConvertToSingle(q0) * d).CopyTo(destination);
            (Vector256.ConvertToSingle(q1) * d).CopyTo(destination[8..]);
            (Vector256.ConvertToSingle(q2) * d).CopyTo(destination[16..]);
            (Vector256.ConvertToSingle(q3) * d).CopyTo(destination[24..]);
        }
    }

    internal static void Scalar(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        for (; blocks.Length > 0; blocks = blocks[34..], destination = destination[32..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            for (var i = 0; i < 32; i++)
                destination[i] = d * (sbyte)blocks[2 + i];
        }
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        for (; blocks.Length > 0; blocks = blocks[34..], weights = weights[32..])
        {
            var d = Math.Abs(BlockScale.Farthest(weights[..32])) / 127;
            var inverse = d == 0 ? 0 : 1 / d;
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)d);
            for (var i = 0; i < 32; i++)
                blocks[2 + i] = (byte)(sbyte)Math.Clamp(MathF.Round(weights[i] * inverse, MidpointRounding.AwayFromZero), -127, 127);
        }
    }
}
