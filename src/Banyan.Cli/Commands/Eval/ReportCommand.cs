using System.CommandLine;
using System.Globalization;
using Banyan.Evaluation;
using Banyan.Evaluation.Reports;
using Banyan.Evaluation.Statistics;
using Spectre.Console;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval report RUN…</c>: results as a report to publish.</summary>
sealed class ReportCommand : Command
{
    readonly Argument<string[]> _runs = new("RUN")
    {
        Description = "results of eval run, or folders of them",
        Arity = ArgumentArity.OneOrMore,
    };
    readonly Option<string> _folder = new("--out") { Description = "the report's folder", DefaultValueFactory = _ => "report" };
    readonly Option<string> _key = new("--key")
    {
        Description = "the file of the signing key",
        DefaultValueFactory = _ => SigningKey.DefaultFile,
    };
    readonly Option<double> _margin = new("--margin")
    {
        Description = "a difference too small to matter, in percent points",
        DefaultValueFactory = _ => 5,
    };
    readonly Option<string?> _url = new("--url") { Description = "where the report will be found: for the hub's files" };
    readonly Option<bool> _json = CommandParts.Json("print what was signed");

    public ReportCommand() : base("report", """
        Make a signed report of runs: numbers with intervals, comparisons, every answer

        A run is a result of eval run, or a folder of them with its transcript. The report is a folder: report.json (signed with your Ed25519 key, made on
        first use), index.html (one file, nothing loaded from elsewhere), transcripts, and the files that Hugging Face's hub reads.

        Examples:
          banyan eval report ~/.banyan/evaluations/my-model --out report
          banyan eval report runs/a runs/b --out report --url https://example.org/report
        """)
    {
        this.AddAll(_runs, _folder, _key, _margin, _url, _json);
        SetAction((result, _) => JudgeChoices.RunAsync(() => ExecuteAsync(result)));
    }

    Task<int> ExecuteAsync(ParseResult result)
    {
        if (result.GetValue(_margin) is not (> 0 and < 100) and var wrong)
            throw new EvaluationException($"--margin {wrong}: a number of percent points between 0 and 100 is expected");
        var signer = SigningKey.OpenOrCreate(result.GetRequiredValue(_key));
        var report = ReportFolder.Write(result.GetRequiredValue(_folder), ReportFolder.ReadRuns(result.GetValue(_runs)!), signer,
            result.GetValue(_margin) / 100, result.GetValue(_url));
        if (result.GetValue(_json))
            Console.WriteLine(report.ToJson().ToJsonString());
        else
            Print(report, Path.GetFullPath(result.GetRequiredValue(_folder)), signer.PublicKey);
        return Task.FromResult(0);
    }

    static void Print(EvaluationReport report, string folder, string signer)
    {
        static string Percent(double x) => (100 * x).ToString("F1", CultureInfo.InvariantCulture);
        var scores = new Table().Border(TableBorder.Simple).AddColumns("task", "model", "pass@1", "95 %", "items");
        foreach (var task in report.Tasks)
            foreach (var run in report.Runs.Where(r => r.Run.Task == task))
                scores.AddRow(task.EscapeMarkup(), run.Subject.EscapeMarkup(), Percent(run.PassAt1),
                    $"{Percent(run.Interval.Low)} … {Percent(run.Interval.High)}", $"{run.ItemCount}");
        AnsiConsole.Write(scores);
        foreach (var c in report.Comparisons)
            Console.WriteLine(
                $"{c.Task}: {c.A} is {VerdictNames.Of(c.Result.Verdict)}, against {c.B}: {Percent(c.Result.Difference)} points (95 % {Percent(c.Result.Interval.Low)} … {Percent(c.Result.Interval.High)})");
        foreach (var (subject, gap) in report.Gaps)
            Console.WriteLine(
                $"{gap.Task}: {subject} has {Percent(gap.Original)} of the originals right and {Percent(gap.Twin)} of their twins (gap 95 % {Percent(gap.Interval.Low)} … {Percent(gap.Interval.High)}): {Banyan.Evaluation.Twins.TwinGap.NameOf(gap.Verdict)}");
        Console.WriteLine($"\n{folder}/index.html\n{folder}/{ReportFolder.FileName}, signed by {signer}");
    }
}
