using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>Q2_0: <c>half d; byte q[16]</c>: 64 weights of d × (two bits − 1), four to a byte.</summary>
readonly struct Q2_0 : ICodes
{
    public static string Name => "Q2_0";
    public static uint GgufType => 42;
    public static int BlockWeights => 64;
    public static int BlockBytes => 18;
    public static int Bits => 2;
    public static ReadOnlySpan<sbyte> Values => TQ1_0.Values;

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        to.Numbers[..2].Fill(1);
        for (var i = 0; i < 64; i++)
            to.Codes[i] = (byte)(block[2 + i / 4] >> i % 4 * 2 & 3);
    }

    public static bool IsWritten => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        var d = Math.Abs(BlockScale.Farthest(weights));
        var inverse = d > 0 ? 1 / d : 0;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        for (var i = 0; i < 64; i++)
            block[2 + i
                / 4] |= (byte)(Math.Clamp((int)MathF.Round(weights[i] * inverse, MidpointRounding.AwayFromZero) + 1, 0, 3) << i % 4 * 2);
    }
}
