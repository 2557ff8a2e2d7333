using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// Q3_K: <c>byte high[32]; byte q[64]; byte scales[12]; half d</c>: q as in Q2_K, and bit j of high[i] is the third bit of weight 32j + i;
/// a weight is d × (scale − 32) × (bits − 4). The scales have six bits: the low four of scale k in byte k mod 8 (k ≥ 8: upper nibble), the
/// other two in byte 8 + k mod 4.
/// </summary>
readonly struct Q3_K : ICodes
{
    public static string Name => "Q3_K";
    public static uint GgufType => 11;
    public static int BlockWeights => 256;
    public static int BlockBytes => 110;
    public static int Unit => 16;
    public static int Bits => 3;
    public static ReadOnlySpan<sbyte> Values => [-4, -3, -2, -1, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block[108..]);
        var scales = block.Slice(96, 12);
        for (var unit = 0; unit < 16; unit++)
            to.Numbers[unit] = (byte)((scales[unit % 8] >> unit / 8 * 4 & 15 | (scales[8 + unit % 4] >> unit / 4 * 2 & 3) << 4) - 32);
        TwoBitCodes.Split(block.Slice(32, 64), to.Codes);
        var high = Vector256.Create(block[..32]).AsUInt16();
        for (var j = 0; j < 8; j++)
        {
            var codes = to.Codes.Slice(32 * j, 32);
            var third = (j < 3 ? high << 2 - j : high >>> j - 2).AsByte() & Vector256.Create((byte)4);
            (Vector256.Create<byte>(codes) | third).CopyTo(codes);
        }
    }

    public static bool IsWritten => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<float> scales = stackalloc float[16];
        Span<sbyte> levels = stackalloc sbyte[256];
        for (var unit = 0; unit < 16; unit++)
            scales[unit] = LevelSearch.Refined(weights.Slice(16 * unit, 16), 4, levels.Slice(16 * unit, 16));
        var farthest = BlockScale.Farthest(scales);
        var inverse = farthest == 0 ? 0 : -32 / farthest;
        Span<byte> numbers = stackalloc byte[16];
        for (var unit = 0; unit < 16; unit++)
            numbers[unit] = (byte)(farthest == 0 ? 0 : Math.Clamp((int)MathF.Round(inverse * scales[unit]), -32, 31) + 32);
        Write(weights, farthest == 0 ? 0 : 1 / inverse, numbers, levels, block);
    }

    public static bool TakesImportance => true;

    public static void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block)
    {
        Span<float> scales = stackalloc float[16], sums = stackalloc float[16], weighed = stackalloc float[16];
        Span<byte> levels = stackalloc byte[256], numbers = stackalloc byte[16];
        var meanSquare = 2 * LevelSearch.Squares(weights) / 256;
        for (var unit = 0; unit < 16; unit++)
        {
            var x = weights.Slice(16 * unit, 16);
            sums[unit] = LevelSearch.Weigh(x, importance.Slice(16 * unit, 16), meanSquare, weighed);
            scales[unit] = LevelSearch.Symmetric(x, 4, levels.Slice(16 * unit, 16), weighed);
        }
        var d = LevelSearch.Symmetric(scales, 32, numbers, sums);
        Write(weights, d, numbers, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, sbyte>(levels), block);
    }

    static void Write(ReadOnlySpan<float> weights, float scaleOfScales, ReadOnlySpan<byte> numbers, Span<sbyte> levels, Span<byte> block)
    {
        BinaryPrimitives.WriteHalfLittleEndian(block[108..], (Half)scaleOfScales);
        var d = (float)BinaryPrimitives.ReadHalfLittleEndian(block[108..]);
        for (var unit = 0; unit < 16; unit++)
        {
            block[96 + unit % 8] |= (byte)((numbers[unit] & 15) << unit / 8 * 4);
            block[104 + unit % 4] |= (byte)(numbers[unit] >> 4 << unit / 4 * 2);
            var scale = d * (numbers[unit] - 32);
            for (var i = 16 * unit; scale != 0 && i < 16 * unit + 16; i++)
                levels[i] = (sbyte)(Math.Clamp((int)MathF.Round(weights[i] / scale), -4, 3) + 4);
        }
        for (var i = 0; i < 256; i++)
            block[i % 32] |= (byte)(levels[i] >> 2 << i / 32);
        Q2_K.WriteTwoBits(System.Runtime.InteropServices.MemoryMarshal.AsBytes(levels), block[32..]);
    }
}
