namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// NVFP4: <c>byte scales[4]; byte q[32]</c>: FP4 (E2M1) and a UE4M3 scale for each 16 of 64 weights; of each 16 the first 8 are low nibbles.
/// </summary>
readonly struct NVFP4 : ICodes
{
    public static string Name => "NVFP4";
    public static uint GgufType => 40;
    public static int BlockWeights => 64;
    public static int BlockBytes => 36;
    public static int Unit => 16;
    public static ScaleForm Scales => ScaleForm.Eighths;
    public static int Bits => 4;
    public static ReadOnlySpan<sbyte> Values => MXFP4.Values;

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        block[..4].CopyTo(to.Numbers);
        for (var unit = 0; unit < 4; unit++)
            CodedNibbles.Split(block.Slice(4 + 8 * unit, 8), to.Codes[(16 * unit)..]);
    }
}
