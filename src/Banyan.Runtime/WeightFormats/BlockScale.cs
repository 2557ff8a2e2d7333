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
}
