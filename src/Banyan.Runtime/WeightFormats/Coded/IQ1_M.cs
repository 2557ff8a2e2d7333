using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ1_M: <c>byte entry[32]; byte high[16]; ushort scales[4]</c>: as IQ1_S, but the sign of the eighth belongs to eight weights (bit 3 of the
/// nibble in high that has their three bits), and the scale to 16 (three bits of scales). The upper nibbles of scales are d, a half.
/// </summary>
readonly struct IQ1_M : ICodes
{
    public static string Name => "IQ1_M";
    public static uint GgufType => 29;
    public static int BlockWeights => 256;
    public static int BlockBytes => 56;
    public static int Unit => 16;
    public static int Bits => 3;
    public static ReadOnlySpan<sbyte> Values => IQ1_S.Values;

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        var d = 0;
        for (var i = 0; i < 4; i++)
        {
            var word = BinaryPrimitives.ReadUInt16LittleEndian(block[(48 + 2 * i)..]);
            d |= word >> 12 << 4 * i;
            for (var unit = 0; unit < 4; unit++)
                to.Numbers[4 * i + unit] = (byte)(2 * (word >> 3 * unit & 7) + 1);
        }
        to.Scale = (float)BitConverter.UInt16BitsToHalf((ushort)d) / 8;
        for (var eight = 0; eight < 32; eight++)
        {
            var high = block[32 + eight / 2] >> 4 * (eight % 2) & 15;
            IQ1_S.Write(block[eight] | (high & 7) << 8, high >> 3, to.Codes[(8 * eight)..]);
        }
    }
}
