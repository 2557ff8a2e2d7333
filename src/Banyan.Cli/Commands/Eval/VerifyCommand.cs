using System.CommandLine;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Reports;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval verify REPORT</c>: verifies a report.</summary>
sealed class VerifyCommand : Command
{
    /// <summary>Lines shown; --json has all.</summary>
    const int Shown = 30;

    readonly Argument<string> _report = new("REPORT") { Description = "a report's folder, or its report.json" };
    readonly Option<string?> _signer = new("--signer")
    {
        Description = "the public key that must have signed it, as eval report prints it",
    };
    readonly Option<bool> _published = new("--as-published")
    {
        Description = "judge as published scores were made, also where they are wrong",
    };
    readonly Option<bool> _json = CommandParts.Json("print JSON");
    readonly DataChoices _data;
    readonly JudgeChoices _choices = new();

    public VerifyCommand() : base("verify", """
        Check a report: its signature, and every number, by judging its answers again here

        Exit code 0: all is as reported; 1: what differs is named.

        Examples:
          banyan eval verify report
          banyan eval verify report/report.json --signer hcjiyRtYLpQqyZsypXkjCqNh3hlbv+sNVXt1lzvm/ZY=
        """)
    {
        this.AddAll(_report, _signer, _published, _json);
        _data = new DataChoices(this);
        _choices.AddTo(this);
        SetAction((result, cancellationToken) => JudgeChoices.RunAsync(() => ExecuteAsync(result, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult result, CancellationToken cancellationToken)
    {
        using var judge = await _choices.OpenAsync(result, result.GetValue(_published), cancellationToken);
        VerifiedReport verified;
        using (var line = new RunProgressLine("", "verify", price: null, isCharged: false))
            verified = await ReportVerification.VerifyAsync(result.GetValue(_report)!,
                task => _data.SourceAsync(result, task, cancellationToken), judge, result.GetValue(_signer), line, cancellationToken);
        if (result.GetValue(_json))
            Console.WriteLine(new JsonObject
            {
                ["verified"] = verified.Differences.Count == 0,
                ["signer"] = verified.Signer,
                ["answers"] = verified.Answers,
                ["differences"] = new JsonArray([.. verified.Differences.Select(d => (JsonNode)d)]),
            }.ToJsonString());
        else
        {
            foreach (var difference in verified.Differences.Take(Shown))
                Console.WriteLine(difference);
            if (verified.Differences.Count > Shown)
                Console.WriteLine($"… and {verified.Differences.Count - Shown} more (--json lists all)");
            Console.WriteLine(verified.Differences.Count == 0
                ? $"verified: {verified.Answers} answers judged again, every number as reported; signed by {verified.Signer}"
                : $"NOT verified: {verified.Differences.Count} differences; says to be signed by {verified.Signer}");
        }
        return verified.Differences.Count == 0 ? 0 : 1;
    }
}
