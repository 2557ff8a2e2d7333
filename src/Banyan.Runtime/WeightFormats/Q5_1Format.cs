using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>Q5_1: <c>half d, m; uint high; byte q[16]</c>: bits as in Q5_0; w = d·q + m.</summary>
sealed class Q5_1Format() : WeightFormat("Q5_1", ggufType: 7, blockWeights: 32, blockBytes: 24)
{
    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        for (; blocks.Length > 0; blocks = blocks[24..], destination = destination[32..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            var m = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[2..]);
            var high = BinaryPrimitives.ReadUInt32LittleEndian(blocks[4..]);
            for (var i = 0; i < 16; i++)
            {
                destination[i] = d * ((blocks[8 + i] & 15) | (int)((high >> i) & 1) << 4) + m;
                destination[i + 16] = d * ((blocks[8 + i] >> 4) | (int)((high >> (i + 16)) & 1) << 4) + m;
            }
        }
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        for (; blocks.Length > 0; blocks = blocks[24..], weights = weights[32..])
        {
            var (d, min) = BlockScale.Range(weights[..32], levels: 31);
            var inverse = d == 0 ? 0 : 1 / d;
            var high = 0u;
            for (var i = 0; i < 16; i++)
            {
                int low = Level(weights[i]), upper = Level(weights[i + 16]);
                blocks[8 + i] = (byte)((low & 15) | (upper & 15) << 4);
                high |= (uint)(low >> 4) << i | (uint)(upper >> 4) << (i + 16);
            }
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)d);
            BinaryPrimitives.WriteHalfLittleEndian(blocks[2..], (Half)min);
            BinaryPrimitives.WriteUInt32LittleEndian(blocks[4..], high);

            int Level(float weight) => Math.Clamp((int)((weight - min) * inverse + 0.5f), 0, 31);
        }
    }

    private protected override void QuantizeRow(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        Span<float> weighed = stackalloc float[32];
        Span<byte> levels = stackalloc byte[32];
        var meanSquare = LevelSearch.Squares(row) / row.Length;
        for (; blocks.Length > 0; blocks = blocks[24..], row = row[32..], importance = importance[32..])
        {
            LevelSearch.Weigh(row[..32], importance[..32], meanSquare, weighed);
            var (scale, min) = LevelSearch.AboveMinimum(row[..32], weighed, 31, LevelSearch.Grid.Weighed, levels);
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)scale);
            BinaryPrimitives.WriteHalfLittleEndian(blocks[2..], (Half)(-min));
            var high = 0u;
            for (var i = 0; i < 32; i++)
                high |= (uint)(levels[i] >> 4) << i;
            BinaryPrimitives.WriteUInt32LittleEndian(blocks[4..], high);
            for (var i = 0; i < 16; i++)
                blocks[8 + i] = (byte)(levels[i] & 15 | (levels[i + 16] & 15) << 4);
        }
    }
}
