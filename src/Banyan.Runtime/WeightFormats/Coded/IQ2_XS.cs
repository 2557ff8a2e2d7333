using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ2_XS: <c>half d; ushort q[32]; byte scales[8]</c>: nine bits of a word are an entry of a codebook of eight weights, seven are signs;
/// 16 weights have a scale of d · (½ + s) / 4, s a nibble.
/// </summary>
readonly struct IQ2_XS : ICodes
{
    static readonly SignedSearch s_search = new(new(Codebook.Iq2Xs, rings: 2))
    {
        Unit = 16,
        HasEvenSigns = true,
        MeanSquares = 1,
        MeanSquaresAlone = 0.25f,
        Least = LevelSearch.Nothing
    };

    public static string Name => "IQ2_XS";
    public static uint GgufType => 17;
    public static int BlockWeights => 256;
    public static int BlockBytes => 74;
    public static int Unit => 16;
    public static int Bits => 3;
    public static ReadOnlySpan<sbyte> Values => IQ2_XXS.Values;

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block) / 8;
        for (var unit = 0; unit < 16; unit++)
            to.Numbers[unit] = (byte)(2 * (block[66 + unit / 2] >> 4 * (unit % 2) & 15) + 1);
        for (var eight = 0; eight < 32; eight++)
        {
            var word = BinaryPrimitives.ReadUInt16LittleEndian(block[(2 + 2 * eight)..]);
            IQ2_XXS.Write(Codebook.Iq2Xs.Word(word & 511), Codebook.EvenSigns(word >> 9), to.Codes[(8 * eight)..]);
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
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        if (d == 0)
            return;
        for (var eight = 0; eight < 32; eight++)
            BinaryPrimitives.WriteUInt16LittleEndian(block[(2 + 2 * eight)..], (ushort)(entries[eight] | signs[eight] << 9));
        for (var unit = 0; unit < 16; unit++)
            block[66 + unit / 2] |= (byte)(numbers[unit] << 4 * (unit % 2));
    }
}
