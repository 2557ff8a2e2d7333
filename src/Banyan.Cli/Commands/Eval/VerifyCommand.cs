using System.CommandLine;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Reports;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval verify REPORT</c>: is a report what it says?</summary>
static class VerifyCommand
{
    const string Description = """
        Check a report: its signature, and every number, by judging its answers again here

        Exit code 0: all is as reported; 1: what differs is named.

        Examples:
          banyan eval verify report
          banyan eval verify report/report.json --signer hcjiyRtYLpQqyZsypXkjCqNh3hlbv+sNVXt1lzvm/ZY=
        """;

    /// <summary>Lines shown; --json has all.</summary>
    const int Shown = 30;

    public static Command Create()
    {
        var report = new Argument<string>("REPORT") { Description = "a report's folder, or its report.json" };
        var signer = new Option<string?>("--signer") { Description = "the public key that must have signed it, as eval report prints it" };
        var published = new Option<bool>("--as-published") { Description = "judge as published scores were made, also where they are wrong" };
        var json = new Option<bool>("--json") { Description = "print JSON" };
        var command = new Command("verify", Description) { report, signer, published, json };
        var data = new DataChoices(command);
        var choices = new JudgeChoices();
        choices.AddTo(command);
        command.SetAction((result, cancellationToken) => JudgeChoices.RunAsync(async () =>
        {
            using var judge = await choices.OpenAsync(result, result.GetValue(published), cancellationToken);
            VerifiedReport verified;
            using (var line = new RunProgressLine("", "verify", price: null, isCharged: false))
                verified = await ReportVerification.VerifyAsync(result.GetValue(report)!, task => data.SourceAsync(result, task, cancellationToken), judge, result.GetValue(signer), line, cancellationToken);
            if (result.GetValue(json))
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
        }));
        return command;
    }
}
