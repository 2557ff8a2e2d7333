using Banyan.Evaluation.Statistics;
using Banyan.Evaluation.Tasks;

namespace Banyan.Evaluation.Scoring;

/// <summary>Two models' scores on the same tasks, compared item by item, with Holm's correction across the tasks.</summary>
public static class Comparison
{
    /// <summary>
    /// Compares the tasks that both have scores for. Throws <see cref="EvaluationException"/> if there are none, or the items differ.
    /// </summary>
    public static IReadOnlyList<(string Task, PairedComparison Result)> Of(IReadOnlyList<Score> a,
        IReadOnlyList<Score> b, double margin = 0.05)
    {
        var pairs = a.Join(b, s => s.Task, s => s.Task, (x, y) => (A: x, B: y)).ToList();
        if (pairs.Count == 0)
            throw new EvaluationException(
                $"the two have no task in common: {string.Join(", ", a.Select(s => s.Task))} and {string.Join(", ", b.Select(s => s.Task))}");
        var results = pairs.Select(p => (p.A.Task, Result: Compare(p.A, p.B, margin))).ToList();
        var adjusted = Holm.Adjust([.. results.Select(r => r.Result.PValue)]);
        return [.. results.Select((r, i) => (r.Task, r.Result with { AdjustedPValue = adjusted[i] }))];
    }

    static PairedComparison Compare(Score a, Score b, double margin)
    {
        Dictionary<string, bool> First(Score score) => score.Items.Where(i => i.Sample == 0).ToDictionary(i => i.Id, i => i.Passed);
        var (left, right) = (First(a), First(b));
        if (left.Keys.Except(right.Keys).Concat(right.Keys.Except(left.Keys)).FirstOrDefault() is { } alone)
            throw new EvaluationException($"{a.Task}: '{alone}' is in only one of the two; scores of the same items are compared");
        var ids = left.Keys.ToList();
        return PairedComparison.Of([.. ids.Select(i => left[i])], [.. ids.Select(i => right[i])],
            [.. ids.Select(id => TaskTable.SourceProblem(a.Task, id))], margin);
    }
}
