using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ2_S: <c>half d; byte entry[32]; byte signs[32]; byte high[8]; byte scales[8]</c>: an entry of ten bits, two of them in high, and eight
/// signs for eight weights; scales as in IQ2_XS.
/// </summary>
readonly struct IQ2_S : ICodes
{
    static readonly SignedSearch s_search = new(new(Codebook.Iq2S, rings: 1)) { Unit = 16, MeanSquaresAlone = 0.5f };

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
            IQ2_XXS.Write(Codebook.Iq2S.Word(entry), block[34 + eight], to.Codes[(8 * eight)..]);
        }
    }

    public static bool NeedsImportance => true;

    public static bool IsWritten => true;

    public static bool TakesImportance => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block) => EncodeWeighed(weights, [], block);

    public static void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block)
    {
        Span<ushort> entries = stackalloc ushort[32];
        Span<byte> signs = stackalloc byte[32], numbers = stackalloc byte[16];
        var d = s_search.Encode(weights, importance, entries, signs, numbers);
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)(d * 0.9875f));
        if (d == 0)
            return;
        for (var eight = 0; eight < 32; eight++)
        {
            block[2 + eight] = (byte)entries[eight];
            block[34 + eight] = signs[eight];
            block[66 + eight / 4] |= (byte)(entries[eight] >> 8 << 2 * (eight % 4));
        }
        for (var unit = 0; unit < 16; unit++)
            block[74 + unit / 2] |= (byte)(numbers[unit] << 4 * (unit % 2));
    }
}
