using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ2_XXS: <c>half d; { byte entry[4]; uint signs }[8]</c>: eight weights are an entry of a codebook with signs; 32 have a scale of
/// d · (½ + s) / 4, s in the upper four bits of their signs, below which lie four times seven signs.
/// </summary>
readonly struct IQ2_XXS : ICodes
{
    static readonly SignedSearch s_search = new(new(Codebook.Iq2Xxs, rings: 2))
    {
        HasEvenSigns = true,
        MeanSquares = 1,
        MeanSquaresAlone = 0.25f,
        Least = LevelSearch.Nothing,
        Tries = 6,
        BeginsFitted = true,
        Again = Again.All,
    };

    public static string Name => "IQ2_XXS";
    public static uint GgufType => 16;
    public static int BlockWeights => 256;
    public static int BlockBytes => 66;
    public static int Bits => 3;

    /// <summary>A level of the codebook, and 3 more where the weight is negative.</summary>
    public static ReadOnlySpan<sbyte> Values => [8, 25, 43, -8, -25, -43, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block) / 8;
        for (var unit = 0; unit < 8; unit++)
        {
            var entries = block.Slice(2 + 8 * unit, 4);
            var signs = BinaryPrimitives.ReadUInt32LittleEndian(block[(6 + 8 * unit)..]);
            to.Numbers[unit] = (byte)(2 * (signs >> 28) + 1);
            for (var eight = 0; eight < 4; eight++)
                Write(Codebook.Iq2Xxs.Word(entries[eight]), Codebook.EvenSigns((int)(signs >> 7 * eight & 127)),
                    to.Codes[(32 * unit + 8 * eight)..]);
        }
    }

    /// <summary>The codes of an entry with signs.</summary>
    internal static void Write(ulong levels, int signs, Span<byte> codes) =>
        BinaryPrimitives.WriteUInt64LittleEndian(codes, levels + 3 * Codebook.Spread(signs));

    public static bool NeedsImportance => true;

    public static bool IsWritten => true;

    public static bool TakesImportance => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block) => EncodeWeighed(weights, [], block);

    public static void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block)
    {
        Span<ushort> entries = stackalloc ushort[32];
        Span<byte> signs = stackalloc byte[32], numbers = stackalloc byte[8];
        var d = s_search.Encode(weights, importance, entries, signs, numbers);
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        if (d == 0)
            return;
        for (var unit = 0; unit < 8; unit++)
        {
            var all = (uint)numbers[unit] << 28;
            for (var eight = 0; eight < 4; eight++)
            {
                block[2 + 8 * unit + eight] = (byte)entries[4 * unit + eight];
                all |= (uint)signs[4 * unit + eight] << 7 * eight;
            }
            BinaryPrimitives.WriteUInt32LittleEndian(block[(6 + 8 * unit)..], all);
        }
    }
}
