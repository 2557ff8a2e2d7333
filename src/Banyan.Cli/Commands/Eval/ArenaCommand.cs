using System.CommandLine;
using System.Globalization;
using Banyan.Evaluation;
using Banyan.Evaluation.Arena;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Transcripts;
using Banyan.Evaluation.Twins;
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
          banyan eval arena --model small.gguf --model openai:gpt-4o-2024-08-06 --prompts questions.txt
          banyan eval arena --standings --json
        """;

    public static Command Create()
    {
        var answers = new Option<string[]>("--answers") { Description = "NAME=FILE: recorded answers of a model, or a transcript of eval run; may be given several times" };
        var models = new Option<string[]>("--model") { Description = "a model that answers now: a file, a folder, or as for eval run; may be given several times" };
        var task = new Option<string?>("--task") { Description = "ask the items of this task" };
        var prompts = new Option<string?>("--prompts") { Description = "ask the questions of this file: a line each, or JSON lines with a prompt" };
        var temperature = new Option<double>("--temperature", "-T") { Description = "of models that answer now", DefaultValueFactory = _ => 0.7 };
        var maxTokens = new Option<int>("--max-tokens", "-n") { Description = "the most tokens of an answer", DefaultValueFactory = _ => 1024 };
        var votes = new Option<string>("--votes") { Description = "the file of votes", DefaultValueFactory = _ => DefaultFile };
        var standings = new Option<bool>("--standings") { Description = "only print the standings" };
        var serve = new Option<bool>("--serve") { Description = "vote in the browser instead of here" };
        var port = new Option<int>("--port", "-p") { Description = "with --serve: TCP port; 0 takes a free one", DefaultValueFactory = _ => 8090 };
        var host = new Option<string>("--host") { Description = "with --serve: localhost, an IP address of this machine, or * for all of them", DefaultValueFactory = _ => "localhost" };
        var json = new Option<bool>("--json") { Description = "with --standings: print JSON" };
        var contains = new Option<string?>("--contains") { Description = "with --standings: fail unless the vote with this hash, printed with earlier standings, is still there", HelpName = "HASH" };
        var command = new Command("arena", Description) { answers, models, task, prompts, temperature, maxTokens, votes, standings, serve, port, host, json, contains };
        var data = new DataChoices(command);
        command.SetAction((result, cancellationToken) => JudgeChoices.RunAsync(async () =>
        {
            var file = result.GetRequiredValue(votes);
            if (result.GetValue(standings))
            {
                var last = "";
                var cast = File.Exists(file) ? VoteFile.Read(file, out last, result.GetValue(contains)) : throw new EvaluationException($"there are no votes at {file} (--votes FILE names another file)");
                var table = Standings.Of(cast);
                if (result.GetValue(json))
                    Console.WriteLine(Standings.ToJson(table, cast.Count, last));
                else
                    Print(table, cast.Count, last);
                return 0;
            }
            var sampling = new SamplingSettings(result.GetValue(temperature), MaxTokens: result.GetValue(maxTokens));
            var questions = await QuestionsAsync(result.GetValue(task), result.GetValue(prompts), one => data.SourceAsync(result, one, cancellationToken));
            await using var arena = await OpenArena.OfAsync(questions, result.GetValue(models) ?? [], result.GetValue(answers) ?? [], sampling, file, cancellationToken);
            var rounds = arena.Rounds;
            if (result.GetValue(serve))
                await ServeAsync(rounds, new() { Host = result.GetRequiredValue(host), Port = result.GetValue(port) }, cancellationToken);
            else
                await VoteAsync(rounds, cancellationToken);
            return 0;
        }));
        return command;
    }

    static string DefaultFile => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".banyan", "arena", "votes.jsonl");

    static async Task<IReadOnlyList<ArenaQuestion>> QuestionsAsync(string? name, string? file, Func<EvaluationTask, Task<TaskSource>> source)
    {
        if (name is null == file is null)
            throw new EvaluationException("what is asked? --task TASK (banyan eval tasks lists them) or --prompts FILE, one of the two");
        if (file is not null)
            return ArenaQuestion.Read(file);
        var task = TaskTable.Find(name!);
        // Twins are made in the sandbox; other tasks need none to be shown.
        using var judge = task is TwinTask ? await Judge.OpenAsync() : null;
        var items = judge is null ? task.Load(await source(task)) : await task.LoadAsync(await source(task), judge);
        return [.. items.Ids.Select(id => new ArenaQuestion(id, items.Text(id)?.Statement ?? throw new EvaluationException($"{task.Name} has no texts to show")) { Item = items.Prompt(id) })];
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
        await using var app = BanyanServer.Build(options with { Added = [ArenaSite.Link] });
        ArenaSite.Map(app, rounds);
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

    static void Print(IReadOnlyList<Standing> standings, int votes, string last = "")
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("model", "rating", "95 %", "won", "lost", "ties", "votes that decide");
        foreach (var s in standings)
            table.AddRow(s.Model.EscapeMarkup(), s.Rating.ToString("F0", CultureInfo.InvariantCulture), string.Create(CultureInfo.InvariantCulture, $"{s.Interval.Low:F0} … {s.Interval.High:F0}"),
                $"{s.Wins}", $"{s.Losses}", $"{s.Ties}", s.FlipsToLosePlace is { } flips ? $"{flips}" : "");
        AnsiConsole.Write(table);
        Console.WriteLine($"{votes} votes. Votes that decide: so many, turned round, would put the next model first.{(last.Length > 0 ? $" The last vote is {last}." : "")}");
    }
}
