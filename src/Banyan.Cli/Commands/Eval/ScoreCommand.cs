using System.CommandLine;
using System.Globalization;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Tasks;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval score</c>: judge answers that somebody recorded.</summary>
sealed class ScoreCommand : Command
{
    readonly Option<string> _task = new("--task") { Description = "the task's name (banyan eval tasks)", Required = true };
    readonly Option<string> _recorded = new("--recorded") { Description = "the file of recorded answers", Required = true };
    readonly Option<string> _data = new("--data") { Description = "the folder that holds the task's data", DefaultValueFactory = _ => "." };
    readonly Option<bool> _json = CommandParts.Json("print JSON");
    readonly Option<bool> _correct = new("--correct-published")
    {
        Description =
            "judge rightly also where the published scores were not (CRUXEval's were made with Python 3.8, MBPP's compared unordered results with their order)",
    };
    readonly JudgeChoices _choices = new();

    public ScoreCommand() : base("score", "Judge recorded answers in the sandbox.")
    {
        this.AddAll(_task, _recorded, _data, _json, _correct);
        _choices.AddTo(this);
        SetAction((result, cancellationToken) => JudgeChoices.RunAsync(() => ExecuteAsync(result, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var chosen = TaskTable.Find(result.GetValue(_task)!);
        var answers = RecordedAnswers.Read(result.GetValue(_recorded)!);
        using var judge = await _choices.OpenAsync(result, asPublished: !result.GetValue(_correct), cancellationToken);
        var items = await chosen.LoadAsync(new(result.GetValue(_data)!, result.GetValue(_recorded)), judge, cancellationToken);
        var progress = Console.IsErrorRedirected ? null
            : new Progress<(int Done, int Of)>(p => Console.Error.Write($"\r{p.Done} of {p.Of} "));
        var score = await Scorer.ScoreAsync(chosen, items, answers, judge, progress, cancellationToken);
        if (progress is not null)
            Console.Error.Write("\r\x1b[K");
        if (result.GetValue(_json))
            Console.WriteLine(ScoreFile.ToJson(score));
        else
            Print(score);
        return 0;
    }

    static void Print(Score score)
    {
        foreach (var item in score.Items.Where(i => !i.Passed))
            Console.WriteLine($"{item.Id,-24} {item.Reason}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{score.Task}: {score.Items.Count(i => i.Passed)} of {score.Items.Count} right, pass@1 {100 * score.PassAt(1):F1} %"));
    }
}
