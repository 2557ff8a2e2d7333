using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Statistics;
using Banyan.Evaluation.Twins;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval compare A B</c>: is A better, worse, not worse, or is it undecided? With one model: its score on originals
/// against their twins.</summary>
sealed class CompareCommand : Command
{
    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    readonly Argument<string> _a = new("A") { Description = "a score file, or a folder of them" };
    readonly Argument<string?> _b = new("B")
    {
        Description = "the same of the other model; without it, A's originals are compared with their twins",
        Arity = ArgumentArity.ZeroOrOne,
    };
    readonly Option<double> _margin = new("--margin")
    {
        Description = "a difference too small to matter, in percent points",
        DefaultValueFactory = _ => 5,
    };
    readonly Option<bool> _json = CommandParts.Json("print JSON");

    public CompareCommand() : base("compare", """
        Compare two models item by item, or one model's originals with their twins

        Examples:
          banyan eval compare runs/a runs/b                              folders of scores, of two models
          banyan eval compare runs/a                                     what was run with its twins: humaneval and humaneval~twin
          banyan eval compare humaneval.json humaneval~twin.json --json
        """)
    {
        this.AddAll(_a, _b, _margin, _json);
        SetAction((result, _) => JudgeChoices.RunAsync(() => ExecuteAsync(result)));
    }

    Task<int> ExecuteAsync(ParseResult result)
    {
        if (result.GetValue(_margin) is not (> 0 and < 100) and var wrong)
            throw new EvaluationException($"--margin {wrong}: a number of percent points between 0 and 100 is expected");
        var scoresA = ScoreFile.Read(result.GetValue(_a)!);
        IReadOnlyList<Score> scoresB = result.GetValue(_b) is { } second ? ScoreFile.Read(second) : [];
        var least = result.GetValue(_margin) / 100;
        // A task and its twins are one model's: there are no two models to compare.
        var pairs = scoresA.Any(x => scoresB.Any(y => x.Task == y.Task));
        var compared = pairs || (scoresB.Count > 0 && TwinGap.Of([.. scoresA, .. scoresB], least).Count == 0)
            ? Comparison.Of(scoresA, scoresB, least) : [];
        var gaps = (pairs ? TwinGap.Of(scoresA, least).Select(g => ("A", g)).Concat(TwinGap.Of(scoresB, least).Select(g => ("B", g)))
            : TwinGap.Of([.. scoresA, .. scoresB], least).Select(g => ("A", g))).ToList();
        if (compared.Count == 0 && gaps.Count == 0)
            throw new EvaluationException(
                $"{result.GetValue(_a)} has no task together with its twins (banyan eval run --task humaneval,humaneval~twin); or name a second model's scores");
        if (result.GetValue(_json))
            Console.WriteLine(new JsonArray([.. compared.Select(Json), .. gaps.Select(g => Json(g.Item1, g.g))]).ToJsonString(s_indented));
        else
            Print(compared, gaps, both: pairs);
        return Task.FromResult(0);
    }

    static JsonObject Json((string Task, PairedComparison Result) one) => new()
    {
        ["task"] = one.Task,
        ["n"] = one.Result.Items,
        ["sourceProblems"] = one.Result.Clusters,
        ["a"] = one.Result.A,
        ["b"] = one.Result.B,
        ["difference"] = one.Result.Difference,
        ["interval"] = new JsonArray(one.Result.Interval.Low, one.Result.Interval.High),
        ["onlyA"] = one.Result.OnlyA,
        ["onlyB"] = one.Result.OnlyB,
        ["p"] = one.Result.PValue,
        ["pHolm"] = one.Result.AdjustedPValue,
        ["verdict"] = VerdictNames.Of(one.Result.Verdict),
        ["itemsNeeded"] = one.Result.ItemsNeeded,
    };

    static JsonObject Json(string model, TwinGap gap)
    {
        var json = gap.ToJson();
        json.Insert(0, "twinsOf", model);
        return json;
    }

    static string Percent(double x) => (100 * x).ToString("F1", CultureInfo.InvariantCulture);

    static void Print(IReadOnlyList<(string Task, PairedComparison Result)> compared,
        IReadOnlyList<(string Model, TwinGap Gap)> gaps, bool both)
    {
        foreach (var (task, r) in compared)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{task}: A {Percent(r.A)}, B {Percent(r.B)} of {r.Items} items{(r.Clusters < r.Items ? $" of {r.Clusters} problems" : "")} right (only A {r.OnlyA}, only B {r.OnlyB})\n  A − B {Percent(r.Difference)} points, 95 % {Percent(r.Interval.Low)} … {Percent(r.Interval.High)}, p {r.AdjustedPValue:G2}: A is {VerdictNames.Of(r.Verdict)}{(r.Verdict == ComparisonVerdict.Undecided && r.ItemsNeeded is { } n ? $" ({n} items needed)" : "")}"));
        foreach (var (model, g) in gaps)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{(both ? model + ", " : "")}{g.Task}: {Percent(g.Original)} of {g.Problems} problems right, {Percent(g.Twin)} of their twins (only original {g.OnlyOriginal}, only twin {g.OnlyTwin})\n  gap {Percent(g.Gap)} points, 95 % {Percent(g.Interval.Low)} … {Percent(g.Interval.High)}, p {g.PValue:G2}: {TwinGap.NameOf(g.Verdict)}{(g.Verdict == TwinVerdict.Undecided ? $" ({g.ProblemsNeeded} problems would tell a gap of {Percent(g.Margin)} points)" : "")}"));
    }
}
