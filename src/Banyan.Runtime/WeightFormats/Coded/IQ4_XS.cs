using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ4_XS: <c>half d; ushort high; byte low[4]; byte q[128]</c>: the levels of IQ4_NL; the scale of each 32 of 256 weights is
/// d × (six bits − 32), four of the bits in low, two in high.
/// </summary>
readonly struct IQ4_XS : ICodes
{
    public static string Name => "IQ4_XS";
    public static uint GgufType => 23;
    public static int BlockWeights => 256;
    public static int BlockBytes => 136;
    public static int Bits => 4;
    public static ReadOnlySpan<sbyte> Values => IQ4_NL.Values;

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        var high = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        for (var unit = 0; unit < 8; unit++)
        {
            to.Numbers[unit] = (byte)((block[4 + unit / 2] >> 4 * (unit % 2) & 15 | (high >> 2 * unit & 3) << 4) - 32);
            CodedNibbles.Split(block.Slice(8 + 16 * unit, 16), to.Codes[(32 * unit)..]);
        }
    }

    public static bool IsWritten => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<float> scales = stackalloc float[8];
        for (var unit = 0; unit < 8; unit++)
            scales[unit] = LevelSearch.Uneven(weights.Slice(32 * unit, 32), Values);
        Write(weights, scales, block);
    }

    public static bool TakesImportance => true;

    public static void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block)
    {
        Span<float> scales = stackalloc float[8], weighed = stackalloc float[32];
        var meanSquare = LevelSearch.Squares(weights) * (2f / 256);
        for (var unit = 0; unit < 8; unit++)
        {
            LevelSearch.Weigh(weights.Slice(32 * unit, 32), importance.Slice(32 * unit, 32), meanSquare, weighed);
            scales[unit] = LevelSearch.Uneven(weights.Slice(32 * unit, 32), Values, weighed);
        }
        Write(weights, scales, block);
    }

    static void Write(ReadOnlySpan<float> weights, ReadOnlySpan<float> scales, Span<byte> block)
    {
        var d = -BlockScale.Farthest(scales) / 32;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        var (inverse, high) = (d == 0 ? 0 : 1 / d, 0);
        for (var unit = 0; unit < 8; unit++)
        {
            var number = Math.Clamp((int)MathF.Round(inverse * scales[unit]), -32, 31);
            var scale = d * number;
            IQ4_NL.WriteCodes(weights.Slice(32 * unit, 32), scale == 0 ? 0 : 1 / scale, block[(8 + 16 * unit)..]);
            block[4 + unit / 2] |= (byte)((number + 32 & 15) << 4 * (unit % 2));
            high |= number + 32 >> 4 << 2 * unit;
        }
        BinaryPrimitives.WriteUInt16LittleEndian(block[2..], (ushort)high);
    }
}
