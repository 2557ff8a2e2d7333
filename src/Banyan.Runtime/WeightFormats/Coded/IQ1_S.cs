using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ1_S: <c>half d; byte entry[32]; ushort high[8]</c>: eight weights are an entry of eleven bits, three of them in high; for 32 weights
/// high has a scale of d · (2s + 1) in bits 12–14, and in bit 15 the sign of an eighth by which all of them differ from −1, 0 and 1.
/// </summary>
readonly struct IQ1_S : ICodes
{
    static readonly TernarySearch s_search = new(32, parts: 1);

    public static string Name => "IQ1_S";
    public static uint GgufType => 19;
    public static int BlockWeights => 256;
    public static int BlockBytes => 50;
    public static int Bits => 3;

    /// <summary>Eight times −1, 0 and 1, an eighth more; and an eighth less.</summary>
    public static ReadOnlySpan<sbyte> Values => [-7, 1, 9, -9, -1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block) / 8;
        for (var unit = 0; unit < 8; unit++)
        {
            var high = BinaryPrimitives.ReadUInt16LittleEndian(block[(34 + 2 * unit)..]);
            to.Numbers[unit] = (byte)(2 * (high >> 12 & 7) + 1);
            for (var eight = 0; eight < 4; eight++)
                Write(block[2 + 4 * unit + eight] | (high >> 3 * eight & 7) << 8, high >> 15, to.Codes[(32 * unit + 8 * eight)..]);
        }
    }

    /// <summary>The codes of an entry.</summary>
    internal static void Write(int entry, int isLess, Span<byte> codes) =>
        BinaryPrimitives.WriteUInt64LittleEndian(codes, Codebook.Iq1.Word(entry) + 3 * Codebook.Spread(-isLess));

    public static bool NeedsImportance => true;

    public static bool IsWritten => true;

    public static bool TakesImportance => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<float> alike = stackalloc float[BlockWeights];
        alike.Fill(1);
        EncodeWeighed(weights, alike, block);
    }

    public static void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block)
    {
        const float Least = 1e-12f;
        Span<float> scales = stackalloc float[8], counts = stackalloc float[32];
        Span<ushort> entries = stackalloc ushort[4], high = stackalloc ushort[8];
        var (meanSquare, largest) = (2 * LevelSearch.Squares(weights) / 256, 0f);
        scales.Clear();
        high.Clear();
        for (var unit = 0; unit < 8; unit++)
        {
            var x = weights.Slice(32 * unit, 32);
            if (Math.Abs(BlockScale.Farthest(x)) < Least)
                continue;
            LevelSearch.Weigh(x, importance.Slice(32 * unit, 32), meanSquare, counts);
            scales[unit] = s_search.Encode(x, counts, entries, out var way);
            if (scales[unit] == 0)
                continue;
            largest = Math.Max(largest, scales[unit]);
            high[unit] = (ushort)(way << 15);
            for (var eight = 0; eight < 4; eight++)
            {
                block[2 + 4 * unit + eight] = (byte)entries[eight];
                high[unit] |= (ushort)(entries[eight] >> 8 << 3 * eight);
            }
        }
        if (largest == 0)
            return;
        var d = largest / 15;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)(d * 1.125f));
        var inverse = 1 / d;
        for (var unit = 0; unit < 8; unit++)
        {
            var number = Math.Clamp((int)MathF.Round(0.5f * (inverse * scales[unit] - 1)), 0, 7);
            BinaryPrimitives.WriteUInt16LittleEndian(block[(34 + 2 * unit)..], (ushort)(high[unit] | number << 12));
        }
    }
}
