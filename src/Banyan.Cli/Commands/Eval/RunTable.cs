using System.Globalization;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Statistics;
using Spectre.Console;

namespace Banyan.Cli.Commands.Eval;

/// <summary>Results as a table.</summary>
static class RunTable
{
    public static void Print(IReadOnlyList<RunResult> results, string folder)
    {
        foreach (var model in results.GroupBy(r => r.Model))
        {
            Console.WriteLine($"\n{model.Key}");
            AnsiConsole.Write(Of([.. model]));
        }
        Console.WriteLine($"Results and transcripts: {folder}");
    }

    static Table Of(IReadOnlyList<RunResult> results)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("task", "form", "items", "right", "pass@1", "95 %", "tokens", "seconds", "cost");
        foreach (var result in results)
        {
            var byItem = result.Items.GroupBy(i => i.Id).ToList();
            var interval = ClusteredMean.Of([.. byItem.Select(g => g.Average(i => i.Passed ? 1.0 : 0))], [.. byItem.Select(g => g.First().Cluster)]).Interval();
            string Percent(double x) => (100 * x).ToString("F1", CultureInfo.InvariantCulture);
            table.AddRow(result.Task.EscapeMarkup(), result.Prompt, $"{byItem.Count}{(byItem.Count < result.TaskItems ? $" of {result.TaskItems}" : "")}",
                result.Items.Count(i => i.Passed).ToString(CultureInfo.InvariantCulture), Percent(result.Score.PassAt(1) ?? 0), $"{Percent(interval.Low)} … {Percent(interval.High)}",
                result.Items.Sum(i => i.AnswerTokens)?.ToString("N0", CultureInfo.InvariantCulture) ?? "", result.Items.Sum(i => i.Seconds).ToString("F0", CultureInfo.InvariantCulture),
                result.Items.Any(i => i.Cost is not null) ? $"${result.Items.Sum(i => i.Cost ?? 0).ToString("0.0000", CultureInfo.InvariantCulture)}" : "free");
        }
        return table;
    }
}
