using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// TQ1_0: <c>byte q[48]; byte last[4]; half d</c>: −d, 0 or d. A byte is a fraction of 256 whose base-3 digits are five weights (four in
/// the last bytes): digit n of the first 32 bytes are weights 32n …, of the next 16 bytes 160 + 16n …, of the last 240 + 4n ….
/// </summary>
readonly struct TQ1_0 : ICodes
{
    public static string Name => "TQ1_0";
    public static uint GgufType => 34;
    public static int BlockWeights => 256;
    public static int BlockBytes => 54;
    public static int Bits => 2;
    public static ReadOnlySpan<sbyte> Values => [-1, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block[52..]);
        to.Numbers[..8].Fill(1);
        Digits(block[..32], 5, to.Codes);
        Digits(block.Slice(32, 16), 5, to.Codes[160..]);
        Digits(block.Slice(48, 4), 4, to.Codes[240..]);
    }

    static void Digits(ReadOnlySpan<byte> bytes, int count, Span<byte> codes)
    {
        for (var i = 0; i < bytes.Length; i++)
            for (var (n, rest) = (0, bytes[i]); n < count; n++, rest *= 3)
                codes[n * bytes.Length + i] = (byte)(rest * 3 >> 8);
    }

    public static bool IsWritten => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<byte> codes = stackalloc byte[256];
        BinaryPrimitives.WriteHalfLittleEndian(block[52..], (Half)Ternary(weights, codes));
        WriteDigits(codes, 5, block[..32]);
        WriteDigits(codes[160..], 5, block.Slice(32, 16));
        WriteDigits(codes[240..], 4, block.Slice(48, 4));
    }

    /// <summary>Codes of −1, 0 and 1 times the largest magnitude, which is returned.</summary>
    internal static float Ternary(ReadOnlySpan<float> weights, Span<byte> codes)
    {
        var d = Math.Abs(BlockScale.Farthest(weights));
        var inverse = d == 0 ? 0 : 1 / d;
        for (var i = 0; i < weights.Length; i++)
            codes[i] = (byte)((int)MathF.Round(weights[i] * inverse, MidpointRounding.AwayFromZero) + 1);
        return d;
    }

    // Five digits as a fraction of 243, rounded up to one of 256; the fifth is 0 where there are four.
    static void WriteDigits(ReadOnlySpan<byte> codes, int count, Span<byte> to)
    {
        for (var i = 0; i < to.Length; i++)
        {
            var digits = 0;
            for (var n = 0; n < 5; n++)
                digits = digits * 3 + (n < count ? codes[n * to.Length + i] : 0);
            to[i] = (byte)((digits * 256 + 242) / 243);
        }
    }
}
