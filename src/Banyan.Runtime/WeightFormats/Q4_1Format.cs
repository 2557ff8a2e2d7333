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

    private protected override void QuantizeRow(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        Span<float> weighed = stackalloc float[32];
        Span<byte> levels = stackalloc byte[32];
        var meanSquare = LevelSearch.Squares(row) / row.Length;
        for (; blocks.Length > 0; blocks = blocks[20..], row = row[32..], importance = importance[32..])
        {
            LevelSearch.Weigh(row[..32], importance[..32], meanSquare, weighed);
            var (scale, min) = LevelSearch.AboveMinimum(row[..32], weighed, 15, LevelSearch.Grid.Weighed, levels);
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)scale);
            BinaryPrimitives.WriteHalfLittleEndian(blocks[2..], (Half)(-min));
            for (var i = 0; i < 16; i++)
                blocks[4 + i] = (byte)(levels[i] & 15 | (levels[i + 16] & 15) << 4);
        }
    }
}
