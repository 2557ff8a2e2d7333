namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// NVFP4: <c>byte scales[4]; byte q[32]</c>: FP4 (E2M1) and a UE4M3 scale for each 16 of 64 weights; of each 16 the first 8 are low
/// nibbles.
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

    public static bool IsWritten => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        for (var unit = 0; unit < 4; unit++)
        {
            var x = weights.Slice(16 * unit, 16);
            block[unit] = Scale(Math.Abs(BlockScale.Farthest(x)) / 6);
            var d = CodedScales.Eighths(block[unit]);
            for (var i = 0; i < 8; i++)
                block[4 + 8 * unit + i] = (byte)(MXFP4.Closest(x[i], d) | MXFP4.Closest(x[i + 8], d) << 4);
        }
    }

    // UE4M3: rounded half up; below 2^-6 the steps are 2^-9; 448 is the highest.
    static byte Scale(float x)
    {
        if (!(x > 0))
            return 0;
        var bits = BitConverter.SingleToUInt32Bits(Math.Min(x, 448));
        var exponent = (int)(bits >> 23) - 127 + 7;
        if (exponent <= 0)
            return (byte)Math.Min((int)(x * 512 + 0.5f), 7);
        var rounded = (exponent << 3) + (int)(bits >> 20 & 7) + (int)(bits >> 19 & 1);
        return (byte)Math.Min(rounded, 0x7E);
    }
}
