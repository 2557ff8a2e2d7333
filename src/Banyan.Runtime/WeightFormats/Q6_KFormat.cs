using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// Q6_K: <c>byte low[128]; byte high[64]; sbyte scales[16]; half d</c>: sixteen groups of 16; both halves of the block (128 weights) have
/// the same layout. In a half, quarter k (32 weights) has its low four bits in low[32·(k&amp;1) + i], in the lower nibble for k &lt; 2
/// and in the upper one otherwise, and its upper two bits in bits 2k, 2k+1 of high[i]; w = d·scale·(q − 32).
/// </summary>
sealed class Q6_KFormat() : WeightFormat("Q6_K", ggufType: 14, blockWeights: 256, blockBytes: 210)
{
    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        for (; blocks.Length > 0; blocks = blocks[210..], destination = destination[256..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[208..]);
            for (var quarter = 0; quarter < 8; quarter++)
            {
                var (half, k) = (quarter / 4, quarter % 4);
                var low = blocks.Slice(64 * half + 32 * (k & 1), 32);
                var high = blocks.Slice(128 + 32 * half, 32);
                var w = destination.Slice(32 * quarter, 32);
                for (var i = 0; i < 32; i++)
                {
                    var q = ((low[i] >> (4 * (k >> 1))) & 15) | ((high[i] >> (2 * k)) & 3) << 4;
                    w[i] = d * (sbyte)blocks[192 + 2 * quarter + i / 16] * (q - 32);
                }
            }
        }
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks) => QuantizeRow(weights, default, blocks);

    private protected override void QuantizeRow(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        Span<float> scales = stackalloc float[16];
        Span<byte> levels = stackalloc byte[256];
        for (; blocks.Length > 0; blocks = blocks[210..], weights = weights[256..], importance = importance.IsEmpty
            ? default : importance[256..])
        {
            var block = blocks[..210];
            block.Clear();
            for (var group = 0; group < 16; group++)
                scales[group] = LevelSearch.Symmetric(weights.Slice(16 * group, 16), 32, levels.Slice(16 * group, 16),
                    importance.IsEmpty ? default : importance.Slice(16 * group, 16));
            var farthest = BlockScale.Farthest(scales);
            if (Math.Abs(farthest) < LevelSearch.Nothing)
                continue;
            var inverse = -128 / farthest;
            BinaryPrimitives.WriteHalfLittleEndian(block[208..], (Half)(1 / inverse));
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(block[208..]);
            for (var group = 0; group < 16; group++)
                block[192 + group] = (byte)(sbyte)Math.Min(127, (int)MathF.Round(inverse * scales[group]));
            for (var weight = 0; weight < 256; weight++)
            {
                var (half, k, i) = (weight / 128, weight / 32 % 4, weight % 32);
                var scale = d * (sbyte)block[192 + weight / 16];
                var q = scale == 0 ? levels[weight] : Math.Clamp((int)MathF.Round(weights[weight] / scale), -32, 31) + 32;
                block[64 * half + 32 * (k & 1) + i] |= (byte)((q & 15) << (4 * (k >> 1)));
                block[128 + 32 * half + i] |= (byte)(q >> 4 << (2 * k));
            }
        }
    }
}
