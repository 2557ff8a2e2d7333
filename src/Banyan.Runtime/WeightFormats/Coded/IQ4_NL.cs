using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>IQ4_NL: <c>half d; byte q[16]</c>: Q4_0 with uneven levels.</summary>
readonly struct IQ4_NL : ICodes
{
    public static string Name => "IQ4_NL";
    public static uint GgufType => 20;
    public static int BlockWeights => 32;
    public static int BlockBytes => 18;
    public static ScaleForm Scales => ScaleForm.Plain;
    public static int Bits => 4;

    /// <summary>Near the quantiles of a normal distribution.</summary>
    public static ReadOnlySpan<sbyte> Values => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        CodedNibbles.Split(block.Slice(2, 16), to.Codes);
    }

    public static bool IsWritten => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        var d = LevelSearch.Uneven(weights, Values);
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        WriteCodes(weights, d == 0 ? 0 : 1 / d, block[2..]);
    }

    /// <summary>The codes of 32 weights.</summary>
    internal static void WriteCodes(ReadOnlySpan<float> weights, float inverse, Span<byte> to)
    {
        for (var i = 0; i < 16; i++)
            to[i] = (byte)(LevelSearch.Closest(inverse * weights[i], Values) | LevelSearch.Closest(inverse * weights[i + 16], Values) << 4);
    }

    public static bool TakesImportance => true;

    public static void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block)
    {
        Span<float> weighed = stackalloc float[32];
        LevelSearch.Weigh(weights, importance, LevelSearch.Squares(weights) * (2f / 32), weighed);
        var d = LevelSearch.Uneven(weights, Values, weighed);
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        WriteCodes(weights, d == 0 ? 0 : 1 / d, block[2..]);
    }
}
