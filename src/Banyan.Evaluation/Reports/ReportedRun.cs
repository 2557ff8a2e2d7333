using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Statistics;

namespace Banyan.Evaluation.Reports;

/// <summary>A run with its figures in a report.</summary>
public sealed class ReportedRun
{
    /// <summary>Of a result.</summary>
    /// <param name="run">The result.</param>
    /// <param name="nameOrigin">Whether to show where the model answered, because another service has one of the same name.</param>
    public ReportedRun(RunResult run, bool nameOrigin = false)
    {
        Run = run;
        _nameOrigin = nameOrigin;
        var items = run.Items.GroupBy(i => i.Id)
            .Select(g => (g.First().Cluster, Right: g.Count(i => i.Passed) / (double)g.Count())).ToList();
        ItemCount = items.Count;
        var mean = ClusteredMean.Of([.. items.Select(i => i.Right)], [.. items.Select(i => i.Cluster)]);
        Interval = run.Interval();
        PassAt1 = mean.Mean;
    }

    /// <summary>The result.</summary>
    public RunResult Run { get; }

    readonly bool _nameOrigin;

    /// <summary>The model with what sets this run apart from its others: the vendor's prompt, sampling.</summary>
    public string Subject =>
        Run.RequestedModel + (_nameOrigin ? $" at {Run.Origin}" : "") + (Run.Prompt == "vendor" ? " (vendor's prompt)" : "")
        + (Run.Sampling.Temperature > 0
            ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $" (temperature {Run.Sampling.Temperature})") : "");

    /// <summary>Items run.</summary>
    public int ItemCount { get; }

    /// <summary>The mean over items of the share of right answers.</summary>
    public double PassAt1 { get; }

    /// <summary>Its 95 % interval; standard error clustered by source problem.</summary>
    public Interval Interval { get; }

    /// <summary>Unbiased pass@k for every k of 1, 5, 10, 100 with enough answers.</summary>
    public IReadOnlyList<(int K, double Value)> PassAtK =>
        [.. new[] { 1, 5, 10, 100 }.Select(k => (k, Run.Score.PassAt(k))).Where(p => p.Item2 is not null)
            .Select(p => (p.k, p.Item2!.Value))];
}
