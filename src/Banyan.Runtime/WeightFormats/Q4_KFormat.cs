using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// Q4_K: <c>half d, dmin; byte scales[12]; byte q[128]</c>: eight groups of 32. Bytes 32j…32j+31 of q hold group 2j in their low nibbles
/// and group 2j+1 in their high nibbles; w = d·scale·q − dmin·min, scale and min packed by <see cref="SixBitScales"/>.
/// </summary>
sealed class Q4_KFormat() : WeightFormat("Q4_K", ggufType: 12, blockWeights: 256, blockBytes: 144)
{
    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        for (; blocks.Length > 0; blocks = blocks[144..], destination = destination[256..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            var dmin = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[2..]);
            var scales = blocks.Slice(4, 12);
            for (var group = 0; group < 8; group++)
            {
                var (scale, min) = SixBitScales.Get(scales, group);
                var (s, m) = (d * scale, dmin * min);
                var q = blocks.Slice(16 + 32 * (group / 2), 32);
                var shift = 4 * (group & 1);
                var w = destination.Slice(32 * group, 32);
                for (var i = 0; i < 32; i++)
                    w[i] = s * ((q[i] >> shift) & 15) - m;
            }
        }
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        Span<byte> levels = stackalloc byte[256];
        for (; blocks.Length > 0; blocks = blocks[144..], weights = weights[256..])
        {
            SixBitScales.Quantize(weights[..256], highest: 15, new(-1, 20, Absolute: false), blocks[..16], levels);
            Write(levels, blocks);
        }
    }

    private protected override void QuantizeRow(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        Span<byte> levels = stackalloc byte[256];
        for (; blocks.Length > 0; blocks = blocks[144..], row = row[256..], importance = importance[256..])
        {
            SixBitScales.Quantize(row[..256], importance[..256], highest: 15, blocks[..16], levels);
            Write(levels, blocks);
        }
    }

    static void Write(ReadOnlySpan<byte> levels, Span<byte> block)
    {
        for (var j = 0; j < 4; j++)
            for (var i = 0; i < 32; i++)
                block[16 + 32 * j + i] = (byte)(levels[64 * j + i] | levels[64 * j + 32 + i] << 4);
    }
}
