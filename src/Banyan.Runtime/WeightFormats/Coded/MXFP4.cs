namespace Banyan.Runtime.WeightFormats;

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
}
