using System.CommandLine;
using System.Globalization;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Scoring;
using Banyan.Evaluation.Tasks;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval score</c>: judge answers that somebody recorded.</summary>
static class ScoreCommand
{
    public static Command Create()
    {
        var task = new Option<string>("--task") { Description = "the task's name (banyan eval tasks)", Required = true };
        var recorded = new Option<string>("--recorded") { Description = "the file of recorded answers", Required = true };
        var data = new Option<string>("--data") { Description = "the folder that holds the task's data", DefaultValueFactory = _ => "." };
        var json = new Option<bool>("--json") { Description = "print JSON" };
        var correct = new Option<bool>("--correct-published") { Description = "judge rightly also where the published scores were not (CRUXEval's were made with Python 3.8, MBPP's compared unordered results with their order)" };
        var choices = new JudgeChoices();
        var command = new Command("score", "Judge recorded answers in the sandbox.") { task, recorded, data, json, correct };
        choices.AddTo(command);
        command.SetAction((result, cancellationToken) => JudgeChoices.RunAsync(async () =>
        {
            var chosen = TaskTable.Find(result.GetValue(task)!);
            var answers = RecordedAnswers.Read(result.GetValue(recorded)!);
            using var judge = await choices.OpenAsync(result, asPublished: !result.GetValue(correct), cancellationToken);
            var items = await chosen.LoadAsync(new(result.GetValue(data)!, result.GetValue(recorded)), judge, cancellationToken);
            var progress = Console.IsErrorRedirected ? null : new Progress<(int Done, int Of)>(p => Console.Error.Write($"\r{p.Done} of {p.Of} "));
            var score = await Scorer.ScoreAsync(chosen, items, answers, judge, progress, cancellationToken);
            if (progress is not null)
                Console.Error.Write("\r\x1b[K");
            if (result.GetValue(json))
                Console.WriteLine(ScoreFile.ToJson(score));
            else
                Print(score);
            return 0;
        }));
        return command;
    }

    static void Print(Score score)
    {
        foreach (var item in score.Items.Where(i => !i.Passed))
            Console.WriteLine($"{item.Id,-24} {item.Reason}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{score.Task}: {score.Items.Count(i => i.Passed)} of {score.Items.Count} right, pass@1 {100 * score.PassAt(1):F1} %"));
    }
}
