using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ2_S: <c>half d; byte entry[32]; byte signs[32]; byte high[8]; byte scales[8]</c>: an entry of ten bits, two of them in high, and eight
/// signs for eight weights; scales as in IQ2_XS.
/// </summary>
readonly struct IQ2_S : ICodes
{
    public static string Name => "IQ2_S";
    public static uint GgufType => 22;
    public static int BlockWeights => 256;
    public static int BlockBytes => 82;
    public static int Unit => 16;
    public static int Bits => 3;
    public static ReadOnlySpan<sbyte> Values => IQ2_XXS.Values;

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block) / 8;
        for (var unit = 0; unit < 16; unit++)
            to.Numbers[unit] = (byte)(2 * (block[74 + unit / 2] >> 4 * (unit % 2) & 15) + 1);
        for (var eight = 0; eight < 32; eight++)
        {
            var entry = block[2 + eight] | (block[66 + eight / 4] >> 2 * (eight % 4) & 3) << 8;
            IQ2_XXS.Write(Codebook.Iq2S[entry], block[34 + eight], to.Codes[(8 * eight)..]);
        }
    }
}
