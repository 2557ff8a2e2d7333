namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// MXFP4 (OCP Microscaling, 2023): <c>byte e; byte q[16]</c>: FP4 (E2M1) and a power of two for 32 weights. Weight i &lt; 16 is the low
/// nibble of q[i], weight i + 16 the high one.
/// </summary>
readonly struct MXFP4 : ICodes
{
    public static string Name => "MXFP4";
    public static uint GgufType => 39;
    public static int BlockWeights => 32;
    public static int BlockBytes => 17;
    public static ScaleForm Scales => ScaleForm.Exponents;
    public static int Bits => 4;

    /// <summary>Twice 0, ½, 1, 1½, 2, 3, 4, 6 and their negatives.</summary>
    public static ReadOnlySpan<sbyte> Values => [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Numbers[0] = block[0];
        CodedNibbles.Split(block.Slice(1, 16), to.Codes);
    }

    public static bool IsWritten => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        // The largest magnitude falls between 4 and 8 of the format's numbers, of which 6 is the highest.
        var largest = Math.Abs(BlockScale.Farthest(weights));
        block[0] = largest > 0 ? (byte)(int)(MathF.Floor(MathF.Log2(largest)) - 2 + 127) : (byte)0;
        var d = CodedScales.Of(ScaleForm.Exponents, 0, block[0]);
        for (var i = 0; i < 16; i++)
            block[1 + i] = (byte)(Closest(weights[i], d) | Closest(weights[i + 16], d) << 4);
    }

    /// <summary>The code whose value is closest; of two as close the lower.</summary>
    internal static int Closest(float weight, float scale)
    {
        var (best, least) = (0, Math.Abs(Values[0] * scale - weight));
        for (var code = 1; code < 16; code++)
            if (Math.Abs(Values[code] * scale - weight) is var error && error < least)
                (best, least) = (code, error);
        return best;
    }
}
