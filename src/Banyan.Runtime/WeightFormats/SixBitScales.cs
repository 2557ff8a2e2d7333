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
    /// Finds scales and minima for 256 weights; writes <c>half d, dmin; byte scales[12]</c> and each weight's level, 0 … highest.
    /// </summary>
    public static void Quantize(ReadOnlySpan<float> weights, int highest, Span<byte> header, Span<byte> levels)
    {
        Span<float> scales = stackalloc float[8], minima = stackalloc float[8];
        for (var group = 0; group < 8; group++)
            (scales[group], minima[group]) = Fit(weights.Slice(32 * group, 32), highest);
        var d = (float)(Half)(BlockScale.Farthest(scales) / 63);
        var dmin = (float)(Half)(BlockScale.Farthest(minima) / 63);
        BinaryPrimitives.WriteHalfLittleEndian(header, (Half)d);
        BinaryPrimitives.WriteHalfLittleEndian(header[2..], (Half)dmin);
        header[4..].Clear();
        for (var group = 0; group < 8; group++)
        {
            var scale = d == 0 ? 0 : (int)Math.Clamp(MathF.Round(scales[group] / d), 0, 63);
            var min = dmin == 0 ? 0 : (int)Math.Clamp(MathF.Round(minima[group] / dmin), 0, 63);
            Set(header[4..], group, scale, min);
            var (s, m) = (d * scale, dmin * min);
            for (var i = 32 * group; i < 32 * group + 32; i++)
                levels[i] = s == 0 ? (byte)0 : (byte)Math.Clamp(MathF.Round((weights[i] + m) / s), 0, highest);
        }
    }

    /// <summary>
    /// Scale and min ≥ 0 with w ≈ scale·q − min, q in 0 … highest: starts from the range of the weights, tries a few slightly wider and
    /// narrower grids, and keeps the one with the least squared error of a line through (q, w).
    /// </summary>
    static (float Scale, float Min) Fit(ReadOnlySpan<float> weights, int highest)
    {
        float low = 0, high = float.NegativeInfinity;
        foreach (var weight in weights)
            (low, high) = (Math.Min(low, weight), Math.Max(high, weight));
        if (high <= low)
            return (0, -low);
        var best = ((high - low) / highest, -low);
        var bestError = float.PositiveInfinity;
        for (var step = -8; step <= 8; step++)
        {
            var inverse = (highest + 0.1f * step) / (high - low);
            float q1 = 0, q2 = 0, w1 = 0, wq = 0, w2 = 0;
            foreach (var weight in weights)
            {
                var q = Math.Clamp(MathF.Round((weight - low) * inverse), 0, highest);
                (q1, q2, w1, wq, w2) = (q1 + q, q2 + q * q, w1 + weight, wq + weight * q, w2 + weight * weight);
            }
            var determinant = weights.Length * q2 - q1 * q1;
            if (determinant <= 0)
                continue;
            var scale = (weights.Length * wq - q1 * w1) / determinant;
            var min = -(q2 * w1 - q1 * wq) / determinant;
            if (min < 0)
                (scale, min) = (wq / q2, 0);
            var error = w2 + scale * scale * q2 + weights.Length * min * min - 2 * scale * wq + 2 * min * w1 - 2 * scale * min * q1;
            if (scale > 0 && error < bestError)
                (best, bestError) = ((scale, min), error);
        }
        return best;
    }
}
