namespace Banyan.Training.Optimization;

/// <summary>The learning rate of each step: a linear warm-up to the highest, then half a cosine down to 0.</summary>
internal static class LearningRate
{
    /// <param name="step">From 0 on.</param>
    /// <param name="steps">Steps in all.</param>
    /// <param name="options">The highest rate and the share of warm-up.</param>
    public static double At(int step, int steps, TuneOptions options)
    {
        var warmup = (int)Math.Ceiling(options.Warmup * steps);
        return options.HighestRate * (step < warmup
            ? (step + 1.0) / warmup
            : 0.5 * (1 + Math.Cos(Math.PI * (step - warmup) / Math.Max(1, steps - warmup))));
    }
}
