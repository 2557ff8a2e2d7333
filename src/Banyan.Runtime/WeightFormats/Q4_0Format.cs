using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// Q4_0: <c>half d; byte q[16]</c>. Weight i &lt; 16 is the low nibble of q[i], weight i + 16 the high nibble; w = d·(q − 8).
/// </summary>
sealed class Q4_0Format() : WeightFormat("Q4_0", ggufType: 2, blockWeights: 32, blockBytes: 18)
{
    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        for (; blocks.Length > 0; blocks = blocks[18..], destination = destination[32..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            var q = blocks.Slice(2, 16);
            for (var i = 0; i < 16; i++)
            {
                destination[i] = d * ((q[i] & 15) - 8);
                destination[i + 16] = d * ((q[i] >> 4) - 8);
            }
        }
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        for (; blocks.Length > 0; blocks = blocks[18..], weights = weights[32..])
        {
            // The value farthest from zero becomes −8, the one level without a counterpart.
            var d = BlockScale.Farthest(weights[..32]) / -8;
            var inverse = d == 0 ? 0 : 1 / d;
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)d);
            for (var i = 0; i < 16; i++)
                blocks[2 + i] = (byte)(Level(weights[i]) | Level(weights[i + 16]) << 4);

            int Level(float weight) => Math.Clamp((int)(weight * inverse + 8.5f), 0, 15);
        }
    }

    private protected override void QuantizeRow(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        Span<float> weighed = stackalloc float[32];
        Span<byte> levels = stackalloc byte[32];
        var meanSquare = LevelSearch.Squares(row) / row.Length;
        for (; blocks.Length > 0; blocks = blocks[18..], row = row[32..], importance = importance[32..])
        {
            LevelSearch.Weigh(row[..32], importance[..32], meanSquare, weighed);
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)LevelSearch.Symmetric(row[..32], 8, levels, weighed));
            for (var i = 0; i < 16; i++)
                blocks[2 + i] = (byte)(levels[i] | levels[i + 16] << 4);
        }
    }
}
