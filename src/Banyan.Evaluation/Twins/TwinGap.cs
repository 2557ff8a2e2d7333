using System.Text.Json.Nodes;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Statistics;
using Banyan.Evaluation.Tasks;

namespace Banyan.Evaluation.Twins;

/// <summary>What originals and twins together show about a model.</summary>
public enum TwinVerdict
{
    /// <summary>It solves originals but not their twins more often than by chance: it may have memorised them.</summary>
    MemorisationSuspected,

    /// <summary>A gap of the margin or more is excluded.</summary>
    NoSign,

    /// <summary>The items do not decide it.</summary>
    Undecided,
}

/// <summary>One model on a task and on its twins, compared problem by problem. A gap means that the model depends on the wording of the
/// known problems. Having seen them is one reason; another is that the new names and examples are harder. A model that cannot have seen
/// them shows how much of the gap that explains.</summary>
public sealed class TwinGap
{
    readonly PairedComparison _pairs;

    TwinGap(string task, PairedComparison pairs) => (Task, _pairs) = (task, pairs);

    /// <summary>The task.</summary>
    public string Task { get; }

    /// <summary>Problems that have a twin.</summary>
    public int Problems => _pairs.Items;

    /// <summary>The share of these problems solved in their original form.</summary>
    public double Original => _pairs.A;

    /// <summary>The share whose twin is solved.</summary>
    public double Twin => _pairs.B;

    /// <summary>Original − twin.</summary>
    public double Gap => _pairs.Difference;

    /// <summary>Problems solved only in their original form.</summary>
    public int OnlyOriginal => _pairs.OnlyA;

    /// <summary>Problems of which only the twin is solved.</summary>
    public int OnlyTwin => _pairs.OnlyB;

    /// <summary>The 95 % interval of the gap: bootstrap over source problems. If no problem was solved only in its original form, the
    /// bootstrap has nothing to resample; the upper end is then the share at which this outcome still has a probability of 2.5 %: 1 −
    /// 0.025^(1/n).</summary>
    public Interval Interval => OnlyOriginal > 0 ? _pairs.Interval
        : new(_pairs.Interval.Low, Math.Max(_pairs.Interval.High, 1 - Math.Pow(0.025, 1.0 / Problems)));

    /// <summary>The exact McNemar p-value, after Holm's correction for the tasks it was reported with.</summary>
    public double PValue => _pairs.AdjustedPValue;

    /// <summary>A gap too small to matter.</summary>
    public double Margin => _pairs.Margin;

    /// <summary>What it supports.</summary>
    public TwinVerdict Verdict => PValue < 0.05 && Gap > 0 ? TwinVerdict.MemorisationSuspected : Interval.High < Margin
        ? TwinVerdict.NoSign : TwinVerdict.Undecided;

    /// <summary>Problems needed to find a gap of the margin with 80 % power, if the share of differing problems stays the same.</summary>
    public int ProblemsNeeded => Power.ItemsNeeded(Margin, Math.Max(Margin, (OnlyOriginal + OnlyTwin) / (double)Problems));

    /// <summary>A verdict in words.</summary>
    public static string NameOf(TwinVerdict verdict) => verdict switch
    {
        TwinVerdict.MemorisationSuspected => "memorisation suspected",
        TwinVerdict.NoSign => "no sign of memorisation",
        _ => "undecided",
    };

    /// <summary>All of it as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["task"] = Task,
        ["n"] = Problems,
        ["original"] = Original,
        ["twin"] = Twin,
        ["gap"] = Gap,
        ["interval"] = new JsonArray(Interval.Low, Interval.High),
        ["onlyOriginal"] = OnlyOriginal,
        ["onlyTwin"] = OnlyTwin,
        ["pHolm"] = PValue,
        ["verdict"] = NameOf(Verdict),
        ["problemsNeeded"] = Verdict == TwinVerdict.Undecided ? ProblemsNeeded : null,
    };

    /// <summary>The gaps of all tasks for which one model has scores with twins; of several answers to an item, the first counts.</summary>
    public static IReadOnlyList<TwinGap> Of(IReadOnlyList<Score> scores, double margin = 0.05)
    {
        var gaps = scores.Join(scores, o => o.Task + TwinTask.Suffix, t => t.Task,
            (original, twin) => (original.Task, Pairs: Pair(original, twin, margin))).ToList();
        var adjusted = Holm.Adjust([.. gaps.Select(g => g.Pairs.PValue)]);
        return [.. gaps.Select((g, i) => new TwinGap(g.Task, g.Pairs with { AdjustedPValue = adjusted[i] }))];
    }

    /// <summary>The gaps of several models, corrected for all of them.</summary>
    internal static IReadOnlyList<(string Model, TwinGap Gap)> Adjusted(IReadOnlyList<(string Model, TwinGap Gap)> gaps)
    {
        var adjusted = Holm.Adjust([.. gaps.Select(g => g.Gap._pairs.PValue)]);
        return [.. gaps.Select((g, i) => (g.Model, new TwinGap(g.Gap.Task, g.Gap._pairs with { AdjustedPValue = adjusted[i] })))];
    }

    static PairedComparison Pair(Score original, Score twin, double margin)
    {
        var originals = original.Items.Where(i => i.Sample == 0).ToDictionary(i => i.Id, i => i.Passed);
        var pairs = twin.Items.Where(i => i.Sample == 0 && originals.ContainsKey(TwinTask.OriginalOf(i.Id) ?? ""))
            .Select(i => (Id: TwinTask.OriginalOf(i.Id)!, i.Passed)).ToList();
        return pairs.Count > 0
            ? PairedComparison.Of([.. pairs.Select(p => originals[p.Id])], [.. pairs.Select(p => p.Passed)],
                [.. pairs.Select(p => TaskTable.SourceProblem(original.Task, p.Id))], margin)
            : throw new EvaluationException(
                $"{original.Task} and {twin.Task} have no problem in common: were both run with the same --limit?");
    }
}
