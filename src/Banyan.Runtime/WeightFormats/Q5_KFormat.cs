using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// Q5_K: <c>half d, dmin; byte scales[12]; byte high[32]; byte q[128]</c>: like Q4_K, with bit g of high[i] as the fifth bit of weight i
/// of group g; w = d·scale·q − dmin·min.
/// </summary>
sealed class Q5_KFormat() : WeightFormat("Q5_K", ggufType: 13, blockWeights: 256, blockBytes: 176)
{
    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        for (; blocks.Length > 0; blocks = blocks[176..], destination = destination[256..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            var dmin = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[2..]);
            var scales = blocks.Slice(4, 12);
            var high = blocks.Slice(16, 32);
            for (var group = 0; group < 8; group++)
            {
                var (scale, min) = SixBitScales.Get(scales, group);
                var (s, m) = (d * scale, dmin * min);
                var q = blocks.Slice(48 + 32 * (group / 2), 32);
                var shift = 4 * (group & 1);
                var w = destination.Slice(32 * group, 32);
                for (var i = 0; i < 32; i++)
                    w[i] = s * (((q[i] >> shift) & 15) | ((high[i] >> group) & 1) << 4) - m;
            }
        }
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        Span<byte> levels = stackalloc byte[256];
        for (; blocks.Length > 0; blocks = blocks[176..], weights = weights[256..])
        {
            SixBitScales.Quantize(weights[..256], highest: 31, new(-0.5f, 15, Absolute: false), blocks[..16], levels);
            Write(levels, blocks);
        }
    }

    private protected override void QuantizeRow(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        Span<byte> levels = stackalloc byte[256];
        for (; blocks.Length > 0; blocks = blocks[176..], row = row[256..], importance = importance[256..])
        {
            SixBitScales.Quantize(row[..256], importance[..256], highest: 31, blocks[..16], levels);
            Write(levels, blocks);
        }
    }

    static void Write(ReadOnlySpan<byte> levels, Span<byte> block)
    {
        var high = block.Slice(16, 32);
        high.Clear();
        for (var group = 0; group < 8; group++)
            for (var i = 0; i < 32; i++)
                high[i] |= (byte)(levels[32 * group + i] >> 4 << group);
        for (var j = 0; j < 4; j++)
            for (var i = 0; i < 32; i++)
                block[48 + 32 * j + i] = (byte)((levels[64 * j + i] & 15) | (levels[64 * j + 32 + i] & 15) << 4);
    }
}
