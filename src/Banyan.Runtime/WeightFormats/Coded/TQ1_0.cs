using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// TQ1_0: <c>byte q[48]; byte last[4]; half d</c>: −d, 0 or d. A byte is a fraction of 256 whose base-3 digits are five weights (four in the
/// last bytes): digit n of the first 32 bytes are weights 32n …, of the next 16 bytes 160 + 16n …, of the last 240 + 4n ….
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
}
