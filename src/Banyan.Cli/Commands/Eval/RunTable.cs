using System.Globalization;
using Banyan.Evaluation.Efficiency;
using Banyan.Evaluation.Runs;

namespace Banyan.Cli.Commands.Eval;

/// <summary>Results for a terminal: how many answers are right, and at what cost.</summary>
static class RunTable
{
    static readonly string[] s_head = ["task", "form", "items", "right", "pass@1", "95 %", "tokens", "seconds", "chars/s",
        "cost", "per 1000 right"];

    public static void Print(IReadOnlyList<RunResult> results, string folder)
    {
        foreach (var model in results.GroupBy(r => (r.Model, r.Origin)))
        {
            var rows = model.Select(Row).Prepend(s_head).ToList();
            var widths = s_head.Select((_, column) => rows.Max(r => r[column].Length)).ToArray();
            Console.WriteLine($"\n{model.Key.Model}{(model.Key.Origin is { } origin ? $" at {origin}" : "")}");
            foreach (var row in rows)
                Console.WriteLine("  " + string.Join("  ",
                    row.Select((cell, column) => column < 2 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))));
            foreach (var result in model)
            {
                if (result.Endings() is { Length: > 0 } endings)
                    Console.WriteLine($"  {result.Task}: of {result.Items.Count} answers {endings}");
                if (result.NotAccepted.Count > 0)
                    Console.WriteLine(
                        $"  {result.Task}: the service does not accept {string.Join(", ", result.NotAccepted)}, and drew answers as it does by itself");
            }
            var peak = model.Max(r => RunEfficiency.Of(r).PeakMemoryBytes);
            Console.WriteLine(
                $"  peak memory {(peak is { } bytes ? Sizes.Bytes(bytes) : "not measured")}, energy {Energy([.. model.Select(RunEfficiency.Of)])}");
        }
        Console.WriteLine($"\nResults and transcripts: {folder}");
    }

    /// <summary>Energy of tasks measured by different counters is not added up.</summary>
    static string Energy(IReadOnlyList<RunEfficiency> took) => took.Any(t => t.Joules is null) ? "not measured"
        : string.Join(" and ", took.GroupBy(t => t.EnergyOf ?? EnergyCoverage.Processor)
            .Select(g => $"{Number(g.Sum(t => t.Joules!.Value), "N0")} J ({EnergyCoverage.Counters(g.Key)}: {g.Key})"));

    static string[] Row(RunResult result)
    {
        var items = result.Items.Select(i => i.Id).Distinct().Count();
        var interval = result.Interval();
        var took = RunEfficiency.Of(result);
        string Percent(double x) => Number(100 * x, "F1");
        return
        [
            result.Task, result.Prompt, items < result.TaskItems ? $"{items} of {result.TaskItems}" : $"{items}",
            Number(result.Items.Count(i => i.Passed), "N0"), Percent(result.Score.PassAt(1) ?? 0),
            $"{Percent(interval.Low)} … {Percent(interval.High)}",
            took.AnswerTokens is { } tokens ? Number(tokens, "N0") : "?", Number(took.Seconds, "F1"),
            Number(took.CharactersPerSecond, "F0"),
            took.Cost is { } cost ? "$" + Number((double)cost, "0.0000") : "-",
            took.CostPer1000Correct is { } price ? "$" + Number((double)price, "0.00") : "-",
        ];
    }

    static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
