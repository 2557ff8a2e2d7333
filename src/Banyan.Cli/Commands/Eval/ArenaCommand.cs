using System.CommandLine;
using System.Globalization;
using Banyan.Evaluation;
using Banyan.Evaluation.Arena;
using Banyan.Evaluation.Tasks;
using Banyan.Server;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Spectre.Console;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval arena</c>: people compare two models' answers without knowing whose they are.</summary>
static class ArenaCommand
{
    const string Description = """
        Compare two models' answers without knowing whose they are

        Every vote is appended to a file and never changed. Pair and sides are drawn by chance. The standings say how few votes decide the order.

        Examples:
          banyan eval arena --answers small=small.jsonl --answers large=large.jsonl --task humaneval
          banyan eval arena --answers a/transcript.jsonl --answers b/transcript.jsonl --task banyan-mini --serve
          banyan eval arena --standings --json
        """;

    public static Command Create()
    {
        var answers = new Option<string[]>("--answers") { Description = "NAME=FILE: recorded answers of a model, or a transcript of eval run; at least twice" };
        var task = new Option<string?>("--task") { Description = "the task whose items were answered" };
        var data = new Option<string>("--data") { Description = "folder of the task's data files", DefaultValueFactory = _ => "." };
        var votes = new Option<string>("--votes") { Description = "the file of votes", DefaultValueFactory = _ => DefaultFile };
        var standings = new Option<bool>("--standings") { Description = "only print the standings" };
        var serve = new Option<bool>("--serve") { Description = "vote in the browser instead of here" };
        var port = new Option<int>("--port", "-p") { Description = "with --serve: TCP port; 0 takes a free one", DefaultValueFactory = _ => 8090 };
        var host = new Option<string>("--host") { Description = "with --serve: localhost, an IP address of this machine, or * for all of them", DefaultValueFactory = _ => "localhost" };
        var json = new Option<bool>("--json") { Description = "with --standings: print JSON" };
        var command = new Command("arena", Description) { answers, task, data, votes, standings, serve, port, host, json };
        command.SetAction((result, cancellationToken) => JudgeChoices.RunAsync(async () =>
        {
            var file = result.GetRequiredValue(votes);
            if (result.GetValue(standings))
            {
                var cast = File.Exists(file) ? VoteFile.Read(file) : throw new EvaluationException($"there are no votes at {file} (--votes FILE names another file)");
                var table = Standings.Of(cast);
                if (result.GetValue(json))
                    Console.WriteLine(Standings.ToJson(table, cast.Count));
                else
                    Print(table, cast.Count);
                return 0;
            }
            var entrants = (result.GetValue(answers) ?? []).Select(Entrant).ToList();
            var questions = Questions(result.GetValue(task), result.GetRequiredValue(data));
            using var kept = VoteFile.Open(file);
            var rounds = new ArenaRounds(entrants, questions, kept);
            if (result.GetValue(serve))
                await ServeAsync(rounds, new() { Host = result.GetRequiredValue(host), Port = result.GetValue(port) }, cancellationToken);
            else
                await VoteAsync(rounds, cancellationToken);
            return 0;
        }));
        return command;
    }

    static string DefaultFile => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".banyan", "arena", "votes.jsonl");

    static Entrant Entrant(string given) => given.IndexOf('=') is > 0 and var at
        ? Banyan.Evaluation.Arena.Entrant.Recorded(given[(at + 1)..], given[..at])
        : Banyan.Evaluation.Arena.Entrant.Recorded(given);

    static List<ArenaQuestion> Questions(string? name, string data)
    {
        if (name is null)
            throw new EvaluationException("--task says whose items were answered (banyan eval tasks lists them)");
        var task = TaskTable.Find(name);
        var items = task.Load(new(data));
        return [.. items.Ids.Select(id => new ArenaQuestion(id, items.Text(id)?.Statement ?? throw new EvaluationException($"{task.Name} has no texts to show")))];
    }

    static async Task VoteAsync(ArenaRounds rounds, CancellationToken cancellationToken)
    {
        var began = rounds.Votes.Count;
        while (true)
        {
            var round = await rounds.NextAsync(cancellationToken);
            Console.WriteLine($"\n━━ {round.Question.Id}\n{round.Question.Text.TrimEnd()}\n\n━━ left\n{round.Left.TrimEnd()}\n\n━━ right\n{round.Right.TrimEnd()}\n");
            Console.Write("Better: [l]eft, [r]ight, [t]ie, [n]either; [s]kip, [q]uit: ");
            Choice? choice = null;
            while (choice is null)
            {
                var line = Console.ReadLine()?.Trim().ToLowerInvariant();
                if (line is null or "q" or "quit")
                {
                    Console.WriteLine();
                    Print(Standings.Of(rounds.Votes), rounds.Votes.Count);
                    return;
                }
                choice = line switch { "l" or "left" => Choice.Left, "r" or "right" => Choice.Right, "t" or "tie" => Choice.Tie, "n" or "neither" => Choice.Neither, _ => null };
                if (line is "s" or "skip")
                    break;
                if (choice is null)
                    Console.Write("l, r, t, n, s or q: ");
            }
            if (choice is not { } voted)
                continue;
            var models = rounds.Cast(round.Id, voted);
            Console.WriteLine($"left was {models.Left}, right {models.Right}; {rounds.Votes.Count - began} votes");
        }
    }

    static async Task ServeAsync(ArenaRounds rounds, ServerOptions options, CancellationToken cancellationToken)
    {
        if (options.Problems() is { Count: > 0 } problems)
            throw new EvaluationException(string.Join("; ", problems));
        await using var app = ArenaSite.Build(options, rounds);
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException e)
        {
            throw new EvaluationException($"cannot listen on port {options.Port}: {e.Message} (--port N chooses another)");
        }
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Console.WriteLine($"The arena is at {new Uri(address.Replace("127.0.0.1", "localhost", StringComparison.Ordinal).Replace("[::]", "localhost", StringComparison.Ordinal)).GetLeftPart(UriPartial.Authority)}/arena\nCtrl-C stops it.");
        try
        {
            await app.WaitForShutdownAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C
        }
        await app.StopAsync(CancellationToken.None);
    }

    static void Print(IReadOnlyList<Standing> standings, int votes)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("model", "rating", "95 %", "won", "lost", "ties", "votes that decide");
        foreach (var s in standings)
            table.AddRow(s.Model.EscapeMarkup(), s.Rating.ToString("F0", CultureInfo.InvariantCulture), string.Create(CultureInfo.InvariantCulture, $"{s.Interval.Low:F0} … {s.Interval.High:F0}"),
                $"{s.Wins}", $"{s.Losses}", $"{s.Ties}", s.FlipsToLosePlace is { } flips ? $"{flips}" : "");
        AnsiConsole.Write(table);
        Console.WriteLine($"{votes} votes. Votes that decide: so many, turned round, would put the next model first.");
    }
}
