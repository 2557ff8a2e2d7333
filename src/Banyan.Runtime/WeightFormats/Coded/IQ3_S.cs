using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ3_S: <c>half d; byte entry[64]; byte high[8]; byte signs[32]; byte scales[4]</c>: four weights are an entry of nine bits, one of them in
/// high; 32 have a scale of d · (1 + 2s), s a nibble.
/// </summary>
readonly struct IQ3_S : ICodes
{
    public static string Name => "IQ3_S";
    public static uint GgufType => 21;
    public static int BlockWeights => 256;
    public static int BlockBytes => 110;
    public static int Bits => 4;
    public static ReadOnlySpan<sbyte> Values => [1, 3, 5, 7, 9, 11, 13, 15, -1, -3, -5, -7, -9, -11, -13, -15];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        for (var unit = 0; unit < 8; unit++)
            to.Numbers[unit] = (byte)(2 * (block[106 + unit / 2] >> 4 * (unit % 2) & 15) + 1);
        for (var four = 0; four < 64; four++)
        {
            var entry = block[2 + four] | (block[66 + four / 8] >> four % 8 & 1) << 8;
            IQ3_XXS.Write(Codebook.Iq3S[entry], block[74 + four / 2] >> 4 * (four % 2), to.Codes[(4 * four)..]);
        }
    }
}
