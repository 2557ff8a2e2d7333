using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>
/// Q2_K: <c>byte scales[16]; byte q[64]; half d, dmin</c>: two bits above a minimum. Each 16 of 256 weights have a scale (low nibble) and a
/// minimum (high nibble). Of 128 weights, bits 2j and 2j+1 of q[i] are weight 32j + i.
/// </summary>
readonly struct Q2_K : ICodes
{
    public static string Name => "Q2_K";
    public static uint GgufType => 10;
    public static int BlockWeights => 256;
    public static int BlockBytes => 84;
    public static int Unit => 16;
    public static bool HasMins => true;
    public static int Bits => 2;
    public static ReadOnlySpan<sbyte> Values => [0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block[80..]);
        to.Min = (float)BinaryPrimitives.ReadHalfLittleEndian(block[82..]);
        for (var unit = 0; unit < 16; unit++)
            (to.Numbers[unit], to.Mins[unit]) = ((byte)(block[unit] & 15), (byte)(block[unit] >> 4));
        TwoBitCodes.Split(block.Slice(16, 64), to.Codes);
    }

    public static bool IsWritten => true;

    public static void Encode(ReadOnlySpan<float> weights, Span<byte> block)
    {
        Span<float> scales = stackalloc float[16], minima = stackalloc float[16], importance = stackalloc float[16];
        Span<byte> levels = stackalloc byte[256];
        float maxScale = 0, maxMin = 0;
        for (var unit = 0; unit < 16; unit++)
        {
            var x = weights.Slice(16 * unit, 16);
            for (var i = 0; i < 16; i++)
                importance[i] = Math.Abs(x[i]);
            (scales[unit], minima[unit]) = LevelSearch.AboveMinimum(x, importance, 3, new(-0.5f, 15, Absolute: true),
                levels.Slice(16 * unit, 16));
            (maxScale, maxMin) = (scales[unit] > maxScale ? scales[unit] : maxScale, minima[unit] > maxMin ? minima[unit] : maxMin);
        }
        float inverseScale = maxScale > 0 ? 15 / maxScale : 0, inverseMin = maxMin > 0 ? 15 / maxMin : 0;
        for (var unit = 0; unit < 16; unit++)
            block[unit] = (byte)((int)MathF.Round(inverseScale * scales[unit]) | (int)MathF.Round(inverseMin * minima[unit]) << 4);
        Write(weights, maxScale / 15, maxMin / 15, levels, block);
    }

    public static bool TakesImportance => true;

    public static void EncodeWeighed(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<byte> block)
    {
        Span<float> scales = stackalloc float[16], minima = stackalloc float[16], sums =
            stackalloc float[16], weighed = stackalloc float[16];
        Span<byte> levels = stackalloc byte[256], scaleLevels = stackalloc byte[16], minLevels = stackalloc byte[16];
        var meanSquare = LevelSearch.Squares(weights) / 256;
        for (var unit = 0; unit < 16; unit++)
        {
            var x = weights.Slice(16 * unit, 16);
            sums[unit] = LevelSearch.Weigh(x, importance.Slice(16 * unit, 16), meanSquare, weighed);
            (scales[unit], minima[unit]) = LevelSearch.AboveMinimum(x, weighed, 3, LevelSearch.Grid.Weighed, levels.Slice(16 * unit, 16));
        }
        var scale = LevelSearch.Positive(scales, 15, sums, scaleLevels);
        var min = LevelSearch.Positive(minima, 15, sums, minLevels);
        for (var unit = 0; unit < 16; unit++)
            block[unit] = (byte)(scaleLevels[unit] | minLevels[unit] << 4);
        Write(weights, scale, min, levels, block);
    }

    static void Write(ReadOnlySpan<float> weights, float maxScale, float maxMin, Span<byte> levels, Span<byte> block)
    {
        BinaryPrimitives.WriteHalfLittleEndian(block[80..], (Half)maxScale);
        BinaryPrimitives.WriteHalfLittleEndian(block[82..], (Half)maxMin);
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(block[80..]), dmin =
            (float)BinaryPrimitives.ReadHalfLittleEndian(block[82..]);
        for (var unit = 0; unit < 16; unit++)
        {
            var (scale, min) = (d * (block[unit] & 15), dmin * (block[unit] >> 4));
            for (var i = 16 * unit; scale != 0 && i < 16 * unit + 16; i++)
                levels[i] = (byte)Math.Clamp((int)MathF.Round((weights[i] + min) / scale), 0, 3);
        }
        WriteTwoBits(levels, block[16..]);
    }

    /// <summary>Two bits of each of 256 codes.</summary>
    internal static void WriteTwoBits(ReadOnlySpan<byte> codes, Span<byte> to)
    {
        for (var i = 0; i < 256; i++)
            to[i / 128 * 32 + i % 32] |= (byte)((codes[i] & 3) << i % 128 / 32 * 2);
    }
}
