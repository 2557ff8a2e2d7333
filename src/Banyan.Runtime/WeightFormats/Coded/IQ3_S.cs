using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ3_S: <c>half d; byte entry[64]; byte high[8]; byte signs[32]; byte scales[4]</c>: four weights are an entry of nine bits, one of them
/// in high; 32 have a scale of d · (1 + 2s), s a nibble.
/// </summary>
readonly struct IQ3_S : ICodes
{
    static readonly SignedSearch s_search = new(new(Codebook.Iq3S, rings: 3))
    {
        Least = float.Epsilon,
        Step = 0.2f,
        Again = Again.AllIfMissed
    };

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
            IQ3_XXS.Write(Codebook.Iq3S.Word(entry), block[74 + four / 2] >> 4 * (four % 2), to.Codes[(4 * four)..]);
        }
    }

    public static bool IsWritten => true;

    public static bool TakesImportance => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block) => EncodeWeighed(weights, [], block);

    public static void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block)
    {
        Span<ushort> entries = stackalloc ushort[64];
        Span<byte> signs = stackalloc byte[32], numbers = stackalloc byte[8];
        var d = s_search.Encode(weights, importance, entries, signs, numbers);
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)(d * 1.033f));
        if (d == 0)
            return;
        for (var four = 0; four < 64; four++)
        {
            block[2 + four] = (byte)entries[four];
            block[66 + four / 8] |= (byte)(entries[four] >> 8 << four % 8);
        }
        signs.CopyTo(block[74..]);
        for (var unit = 0; unit < 8; unit++)
            block[106 + unit / 2] |= (byte)(numbers[unit] << 4 * (unit % 2));
    }
}
