using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>Q4_1: <c>half d, m; byte q[16]</c>: nibbles as in Q4_0; w = d·q + m.</summary>
sealed class Q4_1Format() : WeightFormat("Q4_1", ggufType: 3, blockWeights: 32, blockBytes: 20)
{
    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        for (; blocks.Length > 0; blocks = blocks[20..], destination = destination[32..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            var m = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[2..]);
            for (var i = 0; i < 16; i++)
            {
                destination[i] = d * (blocks[4 + i] & 15) + m;
                destination[i + 16] = d * (blocks[4 + i] >> 4) + m;
            }
        }
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        for (; blocks.Length > 0; blocks = blocks[20..], weights = weights[32..])
        {
            var (d, min) = BlockScale.Range(weights[..32], levels: 15);
            var inverse = d == 0 ? 0 : 1 / d;
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)d);
            BinaryPrimitives.WriteHalfLittleEndian(blocks[2..], (Half)min);
            for (var i = 0; i < 16; i++)
                blocks[4 + i] = (byte)(Level(weights[i]) | Level(weights[i + 16]) << 4);

            int Level(float weight) => Math.Clamp((int)((weight - min) * inverse + 0.5f), 0, 15);
        }
    }
}
