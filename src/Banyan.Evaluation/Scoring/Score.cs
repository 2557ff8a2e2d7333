namespace Banyan.Evaluation.Scoring;

/// <summary>One answer's verdict.</summary>
/// <param name="Id">The item.</param>
/// <param name="Sample">Which of the item's answers, from 0.</param>
/// <param name="Passed">Whether it is right.</param>
/// <param name="Reason">The observed outcome.</param>
public sealed record ItemScore(string Id, int Sample, bool Passed, string Reason);

/// <summary>A task's outcome: every answer's verdict, in the order of the task's items; items without an answer count as failed.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Items">Every verdict.</param>
public sealed record Score(string Task, IReadOnlyList<ItemScore> Items)
{
    /// <summary>Unbiased pass@k, between 0 and 1, averaged over items; null if an item has fewer than k answers.</summary>
    public double? PassAt(int k)
    {
        var groups = Items.GroupBy(i => i.Id).Select(g => (Count: g.Count(), Right: g.Count(i => i.Passed))).ToList();
        return groups.Count == 0 || groups.Any(g => g.Count < k) ? null
            : groups.Average(g => Statistics.PassAtK.Estimate(g.Count, g.Right, k));
    }
}
