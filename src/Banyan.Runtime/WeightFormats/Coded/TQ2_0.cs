using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>TQ2_0: <c>byte q[64]; half d</c>: −d, 0 or d, two bits each, laid out as in Q2_K.</summary>
readonly struct TQ2_0 : ICodes
{
    public static string Name => "TQ2_0";
    public static uint GgufType => 35;
    public static int BlockWeights => 256;
    public static int BlockBytes => 66;
    public static int Bits => 2;
    public static ReadOnlySpan<sbyte> Values => TQ1_0.Values;

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block[64..]);
        to.Numbers[..8].Fill(1);
        TwoBitCodes.Split(block[..64], to.Codes);
    }

    public static bool IsWritten => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<byte> codes = stackalloc byte[256];
        BinaryPrimitives.WriteHalfLittleEndian(block[64..], (Half)TQ1_0.Ternary(weights, codes));
        Q2_K.WriteTwoBits(codes, block);
    }
}
