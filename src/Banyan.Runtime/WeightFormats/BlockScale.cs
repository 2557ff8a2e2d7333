namespace Banyan.Runtime.WeightFormats;

/// <summary>Scales for a group of weights that share one.</summary>
static class BlockScale
{
    /// <summary>The value farthest from zero, with its sign; 0 if all are zero.</summary>
    public static float Farthest(ReadOnlySpan<float> values)
    {
        var farthest = 0f;
        foreach (var value in values)
            if (Math.Abs(value) > Math.Abs(farthest))
                farthest = value;
        return farthest;
    }

    /// <summary>Scale and minimum of a grid from the least weight to the greatest.</summary>
    public static (float Scale, float Min) Range(ReadOnlySpan<float> weights, int levels)
    {
        var (low, high) = (float.MaxValue, float.MinValue);
        foreach (var weight in weights)
            (low, high) = (Math.Min(low, weight), Math.Max(high, weight));
        return ((high - low) / levels, low);
    }

    /// <summary>
    /// The scale s for which s·round(w/s), levels −<paramref name="levels"/> … <paramref name="levels"/> − 1, is nearest to the weights
    /// in the least-squares sense, among a few candidates around the scale that maps the farthest weight to the lowest level. May be
    /// negative.
    /// </summary>
    public static float Symmetric(ReadOnlySpan<float> weights, int levels)
    {
        var farthest = Farthest(weights);
        if (farthest == 0)
            return 0;
        var (best, bestGain) = (farthest / -levels, float.NegativeInfinity);
        for (var step = -9; step <= 9; step++)
        {
            var inverse = -(levels + 0.1f * step) / farthest;
            float wq = 0, qq = 0;
            foreach (var weight in weights)
            {
                var q = Math.Clamp(MathF.Round(weight * inverse), -levels, levels - 1);
                wq += weight * q;
                qq += q * q;
            }
            // For fixed levels the best scale is wq/qq, which lowers Σ(w − sq)² by wq²/qq.
            if (qq > 0 && wq * wq / qq > bestGain)
                (best, bestGain) = (wq / qq, wq * wq / qq);
        }
        return best;
    }
}
