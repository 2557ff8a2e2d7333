using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// IQ1_S: <c>half d; byte entry[32]; ushort high[8]</c>: eight weights are an entry of eleven bits, three of them in high; for 32 weights
/// high has a scale of d · (2s + 1) in bits 12–14, and in bit 15 the sign of an eighth by which all of them differ from −1, 0 and 1.
/// </summary>
readonly struct IQ1_S : ICodes
{
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
    internal static void Write(int entry, int isLess, Span<byte> codes)
    {
        for (var i = 0; i < 8; i++)
            codes[i] = (byte)(Codebook.Iq1[entry][i] + 3 * isLess);
    }
}
