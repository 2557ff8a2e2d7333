using System.CommandLine;
using System.Globalization;
using Banyan.Evaluation;
using Banyan.Evaluation.Statistics;

namespace Banyan.Cli.Commands.Eval;

/// <summary>
/// <c>banyan eval power</c>: how many items tell two scores apart. <c>banyan eval possible</c>: can a score come from n items?
/// </summary>
static class PowerCommand
{
    public static Command Create()
    {
        var a = new Argument<double>("A") { Description = "one model's score in percent" };
        var b = new Argument<double>("B") { Description = "the other's" };
        var correlation = new Option<double>("--correlation")
        {
            Description = "of the two models' outcomes; 0.5 is usual between code models",
            DefaultValueFactory = _ => 0.5,
        };
        var command =
            new Command("power", "Say how many items tell two scores apart (paired, 5 % level, 80 % power).") { a, b, correlation };
        command.SetAction((result, _) => JudgeChoices.RunAsync(() =>
        {
            double x = result.GetValue(a) / 100, y = result.GetValue(b) / 100;
            if (x is < 0 or > 1 || y is < 0 or > 1 || x == y)
                throw new EvaluationException("two different scores between 0 and 100 are expected");
            var discordant = Math.Max(Math.Abs(x - y), Power.Discordant(x, y, result.GetValue(correlation)));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{Power.ItemsNeeded(x - y, discordant)} items (the models differ on {100 * discordant:F1} % of them)"));
            return Task.FromResult(0);
        }));
        return command;
    }

    public static Command CreatePossible()
    {
        var score = new Argument<decimal>("score") { Description = "a published score in percent, with the digits it was published with" };
        var n = new Argument<int>("n") { Description = "how many items the task has" };
        var command = new Command("possible", "Say whether a published score can come from n items.") { score, n };
        command.SetAction((result, _) => JudgeChoices.RunAsync(() =>
        {
            if (result.GetValue(n) < 1)
                throw new EvaluationException("a task has at least one item");
            var right = Granularity.RightAnswers(result.GetValue(score), result.GetValue(n));
            Console.WriteLine(right.Count == 0
                ? $"impossible: no number of right answers out of {result.GetValue(n)} is {result.GetValue(score)} %"
                : $"possible: {string.Join(" or ", right)} of {result.GetValue(n)}");
            return Task.FromResult(right.Count == 0 ? 1 : 0);
        }));
        return command;
    }
}
