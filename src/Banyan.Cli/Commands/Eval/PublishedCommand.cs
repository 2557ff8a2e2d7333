using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation;
using Banyan.Evaluation.Statistics;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval published A B N</c>: what two published scores support.</summary>
sealed class PublishedCommand : Command
{
    const string About =
        "What two published scores on the same items support, when nothing else was published.\n\n"
        + "Examples:\n"
        + "  banyan eval published 83.4 89.2 800           CRUXEval-O: worse\n"
        + "  banyan eval published 92.7 92.1 164 --json    HumanEval: undecided";

    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    readonly Argument<decimal> _a = new("A") { Description = "a score in percent" };
    readonly Argument<decimal> _b = new("B") { Description = "the other's" };
    readonly Argument<int> _n = new("N") { Description = "items" };
    readonly Option<double> _margin = new("--margin")
    {
        Description = "a difference too small to matter, in percent points",
        DefaultValueFactory = _ => 5,
    };
    readonly Option<bool> _json = CommandParts.Json("print JSON");

    public PublishedCommand() : base("published", About)
    {
        this.AddAll(_a, _b, _n, _margin, _json);
        SetAction(Execute);
    }

    int Execute(ParseResult result)
    {
        var (first, second, items) = (result.GetValue(_a), result.GetValue(_b), result.GetValue(_n));
        foreach (var score in (decimal[])[first, second])
            if (score is < 0 or > 100)
                throw new CommandException($"{score} is no score: a percentage between 0 and 100 is expected");
        if (items < 1)
            throw new CommandException($"{items} items: at least 1 is expected");
        if (result.GetValue(_margin) is not (> 0 and < 100) and var wrong)
            throw new CommandException($"--margin {wrong}: a number of percent points between 0 and 100 is expected");
        var compared = PublishedComparison.Of((double)first / 100, (double)second / 100, items, result.GetValue(_margin) / 100);
        Console.WriteLine(result.GetValue(_json) ? Json(compared) : Text(compared));
        foreach (var score in (decimal[])[first, second])
            if (Granularity.RightAnswers(score, items).Count == 0)
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"note: {score} % is no number of right answers out of {items}: the score was made on other items"));
        return 0;
    }

    static string Text(PublishedComparison c) => string.Create(CultureInfo.InvariantCulture, $"""
        A is {VerdictNames.Of(c.Verdict)}{(c.Verdict == ComparisonVerdict.Undecided && c.ItemsNeeded is { } needed ? $" ({needed} items would tell a difference of this size)" : "")}
        A − B {100 * c.Difference:+0.0;−0.0;0.0} points, 95 % {100 * c.Interval.Low:F1} … {100 * c.Interval.High:F1} from the scores alone; about ±{100 * c.PairedHalfWidth:F1} were both run on the same items
        exact McNemar p between {c.PValues.Least:G2} and {c.PValues.Greatest:G2}, by which items each has right
        """);

    static string Json(PublishedComparison c) => new JsonObject
    {
        ["n"] = c.Items,
        ["a"] = c.A,
        ["b"] = c.B,
        ["difference"] = c.Difference,
        ["interval"] = new JsonArray(c.Interval.Low, c.Interval.High),
        ["pairedHalfWidth"] = c.PairedHalfWidth,
        ["p"] = new JsonArray(c.PValues.Least, c.PValues.Greatest),
        ["verdict"] = VerdictNames.Of(c.Verdict),
        ["itemsNeeded"] = c.ItemsNeeded,
    }.ToJsonString(s_indented);
}
