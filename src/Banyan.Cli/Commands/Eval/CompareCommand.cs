using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Statistics;
using Spectre.Console;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval compare A B</c>: is A better, worse, not worse, or do the items not tell?</summary>
static class CompareCommand
{
    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    public static Command Create()
    {
        var a = new Argument<string>("A") { Description = "a score file, or a folder of them" };
        var b = new Argument<string>("B") { Description = "the same of the other model" };
        var margin = new Option<double>("--margin") { Description = "a difference too small to matter, in percent points", DefaultValueFactory = _ => 5 };
        var json = new Option<bool>("--json") { Description = "print JSON" };
        var command = new Command("compare", "Compare two models item by item.") { a, b, margin, json };
        command.SetAction((result, _) => JudgeChoices.RunAsync(() =>
        {
            if (result.GetValue(margin) is not (> 0 and < 100) and var wrong)
                throw new EvaluationException($"--margin {wrong}: a number of percent points between 0 and 100 is expected");
            var compared = Comparison.Of(ScoreFile.Read(result.GetValue(a)!), ScoreFile.Read(result.GetValue(b)!), result.GetValue(margin) / 100);
            if (result.GetValue(json))
                Console.WriteLine(new JsonArray([.. compared.Select(Json)]).ToJsonString(s_indented));
            else
                Print(compared);
            return Task.FromResult(0);
        }));
        return command;
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

    static void Print(IReadOnlyList<(string Task, PairedComparison Result)> compared)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("task", "n", "A", "B", "A − B", "95 %", "only A", "only B", "p (Holm)", "A is");
        foreach (var (task, r) in compared)
        {
            string Percent(double x) => (100 * x).ToString("F1", CultureInfo.InvariantCulture);
            var needed = r.Verdict == ComparisonVerdict.Undecided && r.ItemsNeeded is { } n ? $" ({n} items needed)" : "";
            table.AddRow(task.EscapeMarkup(), r.Clusters < r.Items ? $"{r.Items} of {r.Clusters} problems" : $"{r.Items}", Percent(r.A), Percent(r.B), Percent(r.Difference), $"{Percent(r.Interval.Low)} … {Percent(r.Interval.High)}",
                $"{r.OnlyA}", $"{r.OnlyB}", r.AdjustedPValue.ToString("G2", CultureInfo.InvariantCulture), VerdictNames.Of(r.Verdict) + needed);
        }
        AnsiConsole.Write(table);
    }
}
