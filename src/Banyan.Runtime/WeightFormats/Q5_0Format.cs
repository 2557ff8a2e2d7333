using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// Q5_0: <c>half d; uint high; byte q[16]</c>. The low four bits are stored as in Q4_0; bit i of <c>high</c> is the fifth bit of weight i;
/// w = d·(q − 16).
/// </summary>
sealed class Q5_0Format() : WeightFormat("Q5_0", ggufType: 6, blockWeights: 32, blockBytes: 22)
{
    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        for (; blocks.Length > 0; blocks = blocks[22..], destination = destination[32..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            var high = BinaryPrimitives.ReadUInt32LittleEndian(blocks[2..]);
            var q = blocks.Slice(6, 16);
            for (var i = 0; i < 16; i++)
            {
                destination[i] = d * (((q[i] & 15) | (int)((high >> i) & 1) << 4) - 16);
                destination[i + 16] = d * (((q[i] >> 4) | (int)((high >> (i + 16)) & 1) << 4) - 16);
            }
        }
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        for (; blocks.Length > 0; blocks = blocks[22..], weights = weights[32..])
        {
            var d = BlockScale.Farthest(weights[..32]) / -16;
            var inverse = d == 0 ? 0 : 1 / d;
            var high = 0u;
            for (var i = 0; i < 16; i++)
            {
                int low = Level(weights[i]), upper = Level(weights[i + 16]);
                blocks[6 + i] = (byte)((low & 15) | (upper & 15) << 4);
                high |= (uint)(low >> 4) << i | (uint)(upper >> 4) << (i + 16);
            }
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)d);
            BinaryPrimitives.WriteUInt32LittleEndian(blocks[2..], high);

            int Level(float weight) => Math.Clamp((int)(weight * inverse + 16.5f), 0, 31);
        }
    }

    private protected override void QuantizeRow(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        Span<float> weighed = stackalloc float[32];
        Span<byte> levels = stackalloc byte[32];
        var meanSquare = LevelSearch.Squares(row) / row.Length;
        for (; blocks.Length > 0; blocks = blocks[22..], row = row[32..], importance = importance[32..])
        {
            LevelSearch.Weigh(row[..32], importance[..32], meanSquare, weighed);
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)LevelSearch.Symmetric(row[..32], 16, levels, weighed));
            var high = 0u;
            for (var i = 0; i < 32; i++)
                high |= (uint)(levels[i] >> 4) << i;
            BinaryPrimitives.WriteUInt32LittleEndian(blocks[2..], high);
            for (var i = 0; i < 16; i++)
                blocks[6 + i] = (byte)(levels[i] & 15 | (levels[i + 16] & 15) << 4);
        }
    }
}
