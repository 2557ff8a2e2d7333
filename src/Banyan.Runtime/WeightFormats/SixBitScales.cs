using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// The eight 6-bit scales and eight 6-bit minima of a Q4_K or Q5_K block in 12 bytes: the first four pairs fill the low six bits of bytes
/// 0–3 (scales) and 4–7 (minima); the last four have their low four bits in bytes 8–11 (scale in the lower half) and their upper two in
/// the upper two bits of bytes 0–3 (scales) and 4–7 (minima).
/// </summary>
static class SixBitScales
{
    public static (int Scale, int Min) Get(ReadOnlySpan<byte> packed, int group) => group < 4
        ? (packed[group] & 63, packed[group + 4] & 63)
        : ((packed[group + 4] & 15) | packed[group - 4] >> 6 << 4, packed[group + 4] >> 4 | packed[group] >> 6 << 4);

    public static void Set(Span<byte> packed, int group, int scale, int min)
    {
        if (group < 4)
        {
            packed[group] = (byte)((packed[group] & 0xC0) | scale);
            packed[group + 4] = (byte)((packed[group + 4] & 0xC0) | min);
            return;
        }
        packed[group + 4] = (byte)((scale & 15) | (min & 15) << 4);
        packed[group - 4] = (byte)((packed[group - 4] & 63) | scale >> 4 << 6);
        packed[group] = (byte)((packed[group] & 63) | min >> 4 << 6);
    }

    /// <summary>
    /// Finds scales and minima for 256 weights; writes <c>half d, dmin; byte scales[12]</c> and each weight's level, 0 … highest. The
    /// weights of a group count as the root of their mean square, and their magnitude more.
    /// </summary>
    public static void Quantize(ReadOnlySpan<float> weights, int highest, LevelSearch.Grid grid, Span<byte> header, Span<byte> levels)
    {
        Span<float> scales = stackalloc float[8], minima = stackalloc float[8], importance = stackalloc float[32];
        float maxScale = 0, maxMin = 0;
        for (var group = 0; group < 8; group++)
        {
            var x = weights.Slice(32 * group, 32);
            var root = MathF.Sqrt(LevelSearch.Squares(x) / 32);
            for (var i = 0; i < 32; i++)
                importance[i] = root + Math.Abs(x[i]);
            (scales[group], minima[group]) = LevelSearch.AboveMinimum(x, importance, highest, grid, levels.Slice(32 * group, 32));
            (maxScale, maxMin) = (scales[group] > maxScale ? scales[group] : maxScale, minima[group] > maxMin ? minima[group] : maxMin);
        }
        float inverseScale = maxScale > 0 ? 63 / maxScale : 0, inverseMin = maxMin > 0 ? 63 / maxMin : 0;
        Span<byte> scaleLevels = stackalloc byte[8], minLevels = stackalloc byte[8];
        for (var group = 0; group < 8; group++)
            (scaleLevels[group], minLevels[group]) =
                ((byte)Math.Min(63, (int)MathF.Round(inverseScale * scales[group])),
                    (byte)Math.Min(63, (int)MathF.Round(inverseMin * minima[group])));
        Write(weights, highest, maxScale / 63, maxMin / 63, scaleLevels, minLevels, header, levels);
    }

    /// <summary>The same with an importance matrix.</summary>
    public static void Quantize(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, int highest,
        Span<byte> header, Span<byte> levels)
    {
        Span<float> scales = stackalloc float[8], minima = stackalloc float[8], sums = stackalloc float[8], weighed = stackalloc float[32];
        var meanSquare = 2 * LevelSearch.Squares(weights) / 256;
        for (var group = 0; group < 8; group++)
        {
            var x = weights.Slice(32 * group, 32);
            sums[group] = LevelSearch.Weigh(x, importance.Slice(32 * group, 32), meanSquare, weighed);
            (scales[group], minima[group]) = LevelSearch.AboveMinimum(x, weighed, highest, LevelSearch.Grid.Weighed,
                levels.Slice(32 * group, 32));
        }
        Span<byte> scaleLevels = stackalloc byte[8], minLevels = stackalloc byte[8];
        var d = LevelSearch.Positive(scales, 63, sums, scaleLevels);
        Write(weights, highest, d, LevelSearch.Positive(minima, 63, sums, minLevels), scaleLevels, minLevels, header, levels);
    }

    static void Write(ReadOnlySpan<float> weights, int highest, float scale, float min, ReadOnlySpan<byte> scaleLevels,
        ReadOnlySpan<byte> minLevels, Span<byte> header, Span<byte> levels)
    {
        BinaryPrimitives.WriteHalfLittleEndian(header, (Half)scale);
        BinaryPrimitives.WriteHalfLittleEndian(header[2..], (Half)min);
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(header), dmin = (float)BinaryPrimitives.ReadHalfLittleEndian(header[2..]);
        header[4..].Clear();
        for (var group = 0; group < 8; group++)
        {
            Set(header[4..], group, scaleLevels[group], minLevels[group]);
            var (s, m) = (d * scaleLevels[group], dmin * minLevels[group]);
            for (var i = 32 * group; s != 0 && i < 32 * group + 32; i++)
                levels[i] = (byte)Math.Clamp((int)MathF.Round((weights[i] + m) / s), 0, highest);
        }
    }
}
