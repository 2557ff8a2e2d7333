using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>Q1_0: <c>half d; byte q[16]</c>: 128 weights of −d (bit 0) or d (bit 1).</summary>
readonly struct Q1_0 : ICodes
{
    public static string Name => "Q1_0";
    public static uint GgufType => 41;
    public static int BlockWeights => 128;
    public static int BlockBytes => 18;
    public static int Bits => 2;
    public static ReadOnlySpan<sbyte> Values => [-1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        to.Numbers[..4].Fill(1);
        for (var i = 0; i < 128; i++)
            to.Codes[i] = (byte)(block[2 + i / 8] >> i % 8 & 1);
    }

    public static bool IsWritten => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        var sum = 0f;
        foreach (var weight in weights)
            sum += Math.Abs(weight);
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)(sum / 128));
        for (var i = 0; i < 128; i++)
            block[2 + i / 8] |= (byte)(weights[i] >= 0 ? 1 << i % 8 : 0);
    }
}
