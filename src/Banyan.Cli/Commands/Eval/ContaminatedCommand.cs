using System.CommandLine;
using System.Globalization;
using Banyan.Evaluation;
using Banyan.Evaluation.Contamination;
using Banyan.Evaluation.Data;
using Banyan.Evaluation.Tasks;
using Spectre.Console;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval contaminated DATA</c>: does a training set contain the items that its model will be measured with?</summary>
sealed class ContaminatedCommand : Command
{
    const string About =
        "Look for tasks' items in a training set: a file or folder of text, code, JSON or JSON lines, also with .gz.\n\n"
        + "Three definitions: 13 words in a row (GPT-3), 10 words in a row (Qwen2.5-Coder), and near-duplicates of the solution's code whatever its names.\n\n"
        + "Examples:\n"
        + "  banyan eval contaminated my-training-set/ --data evaluation/\n"
        + "  banyan eval contaminated train.jsonl.gz --task humaneval+ --data evaluation/ --json";

    /// <summary>Rows shown of each task; --json has all.</summary>
    const int Shown = 20;

    readonly Argument<string> _set = new("DATA") { Description = "the training set" };
    readonly Option<string[]> _task = new("--task")
    {
        Description = "only this task (may be given several times; default: all whose data is there)",
    };
    readonly Option<string> _data = new("--data")
    {
        Description = "folder of the tasks' data files (default: where eval run keeps them)",
        DefaultValueFactory = _ => DataStore.DefaultFolder,
    };
    readonly Option<int> _parallel = new("--parallel")
    {
        Description = "files at once",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };
    readonly Option<bool> _json = CommandParts.Json("print JSON, with every hit");

    public ContaminatedCommand() : base("contaminated", About)
    {
        this.AddAll(_set, _task, _data, _parallel, _json);
        SetAction((result, cancellationToken) => JudgeChoices.RunAsync(() => ExecuteAsync(result, cancellationToken)));
    }

    Task<int> ExecuteAsync(ParseResult result, CancellationToken cancellationToken)
    {
        if (result.GetValue(_parallel) is < 1 and var wrong)
            throw new EvaluationException($"--parallel {wrong}: at least 1 file at once");
        var scan = new ContaminationScan(Tasks(result.GetValue(_task) ?? [], new(result.GetValue(_data)!)));
        var progress = Console.IsErrorRedirected ? null : new ScanProgress();
        var report = scan.Run(result.GetValue(_set)!, result.GetValue(_parallel), progress, cancellationToken);
        progress?.Clear();
        if (result.GetValue(_json))
            Console.WriteLine(report.ToJson());
        else
            Print(report);
        return Task.FromResult(0);
    }

    /// <summary>Items of all locally available tasks that occur in the training data; none if the data are not text.</summary>
    public static IReadOnlyList<ContaminationHit> Scan(string set, CancellationToken cancellationToken)
    {
        try
        {
            var report = new ContaminationScan(Tasks([], new(DataStore.DefaultFolder))).Run(set, Environment.ProcessorCount,
                null, cancellationToken);
            return [.. report.Hits];
        }
        catch (EvaluationException)
        {
            return []; // such as a set of Parquet files alone
        }
    }

    static List<(EvaluationTask, ItemSet)> Tasks(string[] names, TaskSource source)
    {
        var chosen = names.Length > 0 ? [.. names.Select(TaskTable.Find)]
            : TaskTable.All.Where(t => t.DataFiles.Count == 0 || source.Find(t.DataFiles) is not null).ToList();
        if (chosen.Count == 0)
            throw new EvaluationException(
                $"no task's data in {Path.GetFullPath(source.Folder)}: `banyan eval tasks` names the files (--data DIR names the folder)");
        return [.. chosen.Select(t => (t, t.Load(source)))];
    }

    static void Print(ContaminationReport report)
    {
        foreach (var hits in report.Hits.GroupBy(h => h.Task))
        {
            var items = hits.GroupBy(h => h.Id).OrderByDescending(i => i.Max(h => h.Share)).ToList();
            AnsiConsole.MarkupLineInterpolated($"[bold]{hits.Key}[/]");
            foreach (var item in items.Take(Shown))
            {
                var most = item.MaxBy(h => h.Share)!;
                Console.WriteLine(
                    $"  {item.Key,-24} {string.Join(", ", item.Select(h => $"{h.Method.Name()} {Percent(h.Share)}")),-52} {most.File}:{most.Line}"
                    + (item.Max(h => h.Documents) is > 1 and var documents ? $" and {documents - 1} more" : ""));
            }
            if (items.Count > Shown)
                AnsiConsole.MarkupLineInterpolated($"  … and {items.Count - Shown} more (--json lists all)");
        }
        var summary = new Table().Border(TableBorder.Simple).AddColumns("task", "items", "13 words", "10 words", "near-duplicate");
        foreach (var task in report.Tasks)
        {
            string Count(ContaminationMethod method) =>
                task.Items - task.TooShort[method] is > 0 and var told ? $"{task.Found[method]} of {told}" : "–";
            summary.AddRow(task.Task.Replace(", ", "\n", StringComparison.Ordinal).EscapeMarkup(), $"{task.Items}",
                Count(ContaminationMethod.Words13), Count(ContaminationMethod.Words10), Count(ContaminationMethod.NearDuplicate));
        }
        foreach (var column in summary.Columns)
            column.NoWrap();
        AnsiConsole.Write(summary);
        AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{report.Files} files, {report.Characters / 1e6:F1} million characters in {report.Seconds:F1} s ({report.Characters / 1e6 / Math.Max(report.Seconds, 1e-9):F0} million/s)"));
        foreach (var skipped in report.Skipped.Take(5))
            AnsiConsole.MarkupLineInterpolated($"[grey]not read: {skipped}[/]");
        if (report.Skipped.Count > 5)
            AnsiConsole.MarkupLineInterpolated($"[grey]… and {report.Skipped.Count - 5} more files that are no text[/]");
    }

    static string Percent(double share) => (100 * share).ToString("F0", CultureInfo.InvariantCulture) + " %";

    /// <summary>A line on stderr, at most ten times a second.</summary>
    sealed class ScanProgress : IProgress<(long Done, long Of)>
    {
        long _next;

        public void Report((long Done, long Of) value)
        {
            var now = Environment.TickCount64;
            var next = Interlocked.Read(ref _next);
            if (now >= next && Interlocked.CompareExchange(ref _next, now + 100, next) == next)
                Console.Error.Write($"\r{Sizes.Bytes(value.Done)} of {Sizes.Bytes(value.Of)} ");
        }

        public void Clear() => Console.Error.Write("\r\x1b[K");
    }
}
