namespace Banyan.Runtime.Models;

/// <summary>How rotary frequencies change for a context longer than the original one.</summary>
internal abstract record RopeScaling
{
    /// <summary>The scaled frequency of pair <paramref name="pair"/>.</summary>
    public abstract double Scale(double frequency, int pair, RopeConfig rope);
}

/// <summary>Positions divided by a factor (kaiokendev; arXiv 2306.15595).</summary>
internal sealed record LinearScaling(double Factor) : RopeScaling
{
    public override double Scale(double frequency, int pair, RopeConfig rope) => frequency / Factor;
}

/// <summary>
/// Llama 3.1: long wavelengths are divided by the factor, short ones kept, those between blended. GGUF files carry the result as
/// <c>rope_freqs.weight</c> instead.
/// </summary>
internal sealed record Llama3Scaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalContextLength)
    : RopeScaling
{
    public override double Scale(double frequency, int pair, RopeConfig rope)
    {
        var wavelength = 2 * Math.PI / frequency;
        if (wavelength < OriginalContextLength / HighFrequencyFactor)
            return frequency;
        if (wavelength > OriginalContextLength / LowFrequencyFactor)
            return frequency / Factor;
        var smooth = (OriginalContextLength / wavelength - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return (1 - smooth) * frequency / Factor + smooth * frequency;
    }
}

/// <summary>
/// YaRN (arXiv 2309.00071): pairs that turn more than <see cref="BetaFast"/> times in the original context keep their frequency, those
/// that turn less than <see cref="BetaSlow"/> times are divided by the factor, those between blended; attention is sharpened a little.
/// </summary>
internal sealed record YarnScaling(
    double Factor, int OriginalContextLength, double BetaFast = 32, double BetaSlow = 1, double AttentionFactor = 1,
    double LogMultiplier = 0) : RopeScaling
{
    /// <summary>
    /// The scale of the rotated vectors: 0.1 ln(factor) + 1, times the file's own factor; divided by 0.1·m·ln(factor) + 1 where the file
    /// has a multiplier m (Ministral 3).
    /// </summary>
    public double Magnitude =>
        AttentionFactor * (Factor > 1 ? (0.1 * Math.Log(Factor) + 1) / (0.1 * LogMultiplier * Math.Log(Factor) + 1) : 1);

    public override double Scale(double frequency, int pair, RopeConfig rope)
    {
        var low = Math.Max(0, Math.Floor(PairThatTurns(BetaFast)));
        var high = Math.Min(rope.Dimensions - 1, Math.Ceiling(PairThatTurns(BetaSlow)));
        var interpolated = Math.Clamp((pair - low) / Math.Max(0.001, high - low), 0, 1);
        return interpolated * frequency / Factor + (1 - interpolated) * frequency;

        // The (fractional) pair that makes this many turns in the original context.
        double PairThatTurns(double turns) =>
            rope.Dimensions * Math.Log(OriginalContextLength / (turns * 2 * Math.PI)) / (2 * Math.Log(rope.Theta));
    }
}
