using System.CommandLine;
using System.Globalization;
using Banyan.Evaluation;
using Banyan.Evaluation.Efficiency;
using Banyan.Evaluation.Runs;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval pareto RESULT…</c>: a plot of right answers against their cost.</summary>
sealed class ParetoCommand : Command
{
    readonly Argument<string[]> _results = new("RESULT")
    {
        Description = "results of banyan eval run on one task, or folders that hold them",
        Arity = ArgumentArity.OneOrMore,
    };
    readonly Option<ParetoAxis> _by = new("--by")
    {
        Description = "what a right answer is paid with",
        DefaultValueFactory = _ => ParetoAxis.Seconds,
    };
    readonly Option<string?> _task = new("--task") { Description = "the task, where folders hold several" };
    readonly Option<string> _file = new("--out") { Description = "the SVG file to write", DefaultValueFactory = _ => "pareto.svg" };

    public ParetoCommand() : base("pareto", """
        Draw how often models are right against what that takes

        Examples:
          banyan eval pareto ~/.banyan/evaluations/*/humaneval+.json --by cost --out humaneval.svg
          banyan eval pareto ~/.banyan/evaluations/* --task banyan-mini --by memory
        """)
    {
        this.AddAll(_results, _by, _task, _file);
        SetAction((arguments, _) => JudgeChoices.RunAsync(() => ExecuteAsync(arguments)));
    }

    Task<int> ExecuteAsync(ParseResult arguments)
    {
        var wanted = arguments.GetValue(_task) is { } name ? Banyan.Evaluation.Tasks.TaskTable.Find(name).Name : null;
        var all = arguments.GetRequiredValue(_results).SelectMany(Files).Select(RunFile.Read)
            .Where(r => wanted is null || r.Task == wanted).ToList();
        var tasks = all.Select(r => r.Task).Distinct().ToList();
        if (tasks.Count != 1)
            throw new EvaluationException(tasks.Count == 0 ? "there are no such results"
                : $"the results are of several tasks, {string.Join(", ", tasks)}: choose one with --task");
        var axis = arguments.GetValue(_by);
        var points = all.Select(r => (Result: r, Point: ParetoPlot.Place(r, axis))).ToList();
        foreach (var (result, _) in points.Where(p => p.Point is null))
            Console.Error.WriteLine($"left out: {result.Model} ({axis.ToString().ToLowerInvariant()} not measured)");
        var placed = points.Select(p => p.Point).OfType<ParetoPlot.Point>().ToList();
        File.WriteAllText(arguments.GetRequiredValue(_file), ParetoPlot.Draw(tasks[0], axis, placed));
        foreach (var point in ParetoPlot.Frontier(placed))
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{point.Label}: {100 * point.Score:F1} %"));
        Console.WriteLine($"Picture: {arguments.GetRequiredValue(_file)}");
        return Task.FromResult(0);
    }

    static IEnumerable<string> Files(string path) =>
        Directory.Exists(path) ? Directory.GetFiles(path, "*.json").Order(StringComparer.Ordinal) : [path];
}
