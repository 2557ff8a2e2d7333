namespace Banyan.Evaluation.Statistics;

/// <summary>
/// A mean of per-item values with a standard error that accounts for correlation within clusters (one source problem in several languages,
/// several answers to one item) (Miller 2024, arXiv 2411.00640).
/// </summary>
/// <param name="Mean">The mean over items.</param>
/// <param name="StandardError">Its standard error.</param>
/// <param name="Clusters">How many clusters there are.</param>
public readonly record struct ClusteredMean(double Mean, double StandardError, int Clusters)
{
    /// <summary>Of values with the names of their clusters.</summary>
    public static ClusteredMean Of(IReadOnlyList<double> values, IReadOnlyList<string> clusters)
    {
        if (values.Count == 0 || values.Count != clusters.Count)
            throw new ArgumentException($"{values.Count} values with {clusters.Count} clusters");
        var mean = values.Average();
        var sums = new Dictionary<string, double>();
        for (var i = 0; i < values.Count; i++)
            sums[clusters[i]] = sums.GetValueOrDefault(clusters[i]) + values[i] - mean;
        var count = sums.Count;
        // With few clusters the sum of squares is too small by (count − 1)/count.
        var variance = count < 2 ? double.PositiveInfinity
            : sums.Values.Sum(s => s * s) / values.Count / values.Count * count / (count - 1);
        return new(mean, Math.Sqrt(variance), count);
    }

    /// <summary>The normal interval.</summary>
    public Interval Interval(double confidence = 0.95)
    {
        var half = Normal.Quantile(1 - (1 - confidence) / 2) * StandardError;
        return new(Mean - half, Mean + half);
    }
}
