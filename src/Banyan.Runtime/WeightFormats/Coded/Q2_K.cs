using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// Q2_K: <c>byte scales[16]; byte q[64]; half d, dmin</c>: two bits above a minimum. Each 16 of 256 weights have a scale (low nibble) and a
/// minimum (high nibble). Of 128 weights, bits 2j and 2j+1 of q[i] are weight 32j + i.
/// </summary>
readonly struct Q2_K : ICodes
{
    public static string Name => "Q2_K";
    public static uint GgufType => 10;
    public static int BlockWeights => 256;
    public static int BlockBytes => 84;
    public static int Unit => 16;
    public static bool HasMins => true;
    public static int Bits => 2;
    public static ReadOnlySpan<sbyte> Values => [0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block[80..]);
        to.Min = (float)BinaryPrimitives.ReadHalfLittleEndian(block[82..]);
        for (var unit = 0; unit < 16; unit++)
            (to.Numbers[unit], to.Mins[unit]) = ((byte)(block[unit] & 15), (byte)(block[unit] >> 4));
        for (var i = 0; i < 256; i++)
            to.Codes[i] = (byte)(block[16 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3);
    }
}
