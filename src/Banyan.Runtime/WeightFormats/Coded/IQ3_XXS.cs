using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ3_XXS: <c>half d; byte entry[64]; uint signs[8]</c>: four weights are an entry of a codebook; signs and scales as in IQ2_XXS, the
/// scale d · (½ + s) / 2.
/// </summary>
readonly struct IQ3_XXS : ICodes
{
    static readonly SignedSearch s_search = new(new(Codebook.Iq3Xxs, rings: 2)) { HasEvenSigns = true, Tries = 15, Step = 0.2f };

    public static string Name => "IQ3_XXS";
    public static uint GgufType => 18;
    public static int BlockWeights => 256;
    public static int BlockBytes => 98;
    public static int Bits => 4;

    /// <summary>A level of the codebook, and 8 more where the weight is negative.</summary>
    public static ReadOnlySpan<sbyte> Values => [4, 12, 20, 28, 36, 44, 52, 62, -4, -12, -20, -28, -36, -44, -52, -62];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block) / 4;
        for (var unit = 0; unit < 8; unit++)
        {
            var signs = BinaryPrimitives.ReadUInt32LittleEndian(block[(66 + 4 * unit)..]);
            to.Numbers[unit] = (byte)(2 * (signs >> 28) + 1);
            for (var eight = 0; eight < 4; eight++)
            {
                var negative = Codebook.EvenSigns((int)(signs >> 7 * eight & 127));
                var entries = block.Slice(2 + 8 * unit + 2 * eight, 2);
                Write(Codebook.Iq3Xxs.Word(entries[0]), negative, to.Codes[(32 * unit + 8 * eight)..]);
                Write(Codebook.Iq3Xxs.Word(entries[1]), negative >> 4, to.Codes[(32 * unit + 8 * eight + 4)..]);
            }
        }
    }

    /// <summary>The codes of an entry with signs.</summary>
    internal static void Write(ulong levels, int signs, Span<byte> codes) =>
        BinaryPrimitives.WriteUInt32LittleEndian(codes, (uint)(levels + 8 * Codebook.Spread(signs & 15)));

    public static bool IsWritten => true;

    public static bool TakesImportance => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block) => EncodeWeighed(weights, [], block);

    public static void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block)
    {
        Span<ushort> entries = stackalloc ushort[64];
        Span<byte> signs = stackalloc byte[32], numbers = stackalloc byte[8];
        var d = s_search.Encode(weights, importance, entries, signs, numbers);
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)(d * 1.0125f));
        if (d == 0)
            return;
        for (var four = 0; four < 64; four++)
            block[2 + four] = (byte)entries[four];
        for (var unit = 0; unit < 8; unit++)
        {
            var all = (uint)numbers[unit] << 28;
            for (var eight = 0; eight < 4; eight++)
                all |= (uint)signs[4 * unit + eight] << 7 * eight;
            BinaryPrimitives.WriteUInt32LittleEndian(block[(66 + 4 * unit)..], all);
        }
    }
}
