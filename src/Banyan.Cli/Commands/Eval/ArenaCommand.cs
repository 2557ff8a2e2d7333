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
sealed class ArenaCommand : Command
{
    readonly Option<string[]> _answers = new("--answers")
    {
        Description =
            "NAME=FILE: recorded answers of a model, a transcript of eval run, or a folder of pictures, sounds or videos; may be given several times",
    };
    readonly Option<string[]> _models = new("--model")
    {
        Description = "a model that answers now: a file, a folder, or as for eval run; may be given several times",
    };
    readonly Option<string?> _task = new("--task") { Description = "ask the items of this task" };
    readonly Option<string?> _prompts = new("--prompts")
    {
        Description = "ask the questions of this file: a line each, or JSON lines with a prompt",
    };
    readonly Option<double> _temperature = new("--temperature", "-T")
    {
        Description = "of models that answer now",
        DefaultValueFactory = _ => 0.7,
    };
    readonly Option<int> _maxTokens = new("--max-tokens", "-n")
    {
        Description = "the most tokens of an answer",
        DefaultValueFactory = _ => 1024,
    };
    readonly Option<string> _votes = new("--votes") { Description = "the file of votes", DefaultValueFactory = _ => DefaultFile };
    readonly Option<bool> _standings = new("--standings") { Description = "only print the standings" };
    readonly Option<bool> _serve = new("--serve") { Description = "vote in the browser instead of here" };
    readonly Option<int> _port = new("--port", "-p")
    {
        Description = "with --serve: TCP port; 0 takes a free one",
        DefaultValueFactory = _ => 8090,
    };
    readonly Option<string> _host = new("--host")
    {
        Description = "with --serve: localhost, an IP address of this machine, or * for all of them",
        DefaultValueFactory = _ => "localhost",
    };
    readonly Option<bool> _json = CommandParts.Json("with --standings: print JSON");
    readonly Option<string?> _contains = new("--contains")
    {
        Description = "with --standings: fail unless the vote with this hash, printed with earlier standings, is still there",
        HelpName = "HASH",
    };
    readonly DataChoices _data;

    public ArenaCommand() : base("arena", """
        Compare two models' answers without knowing whose they are

        Every vote is appended to a file and never changed. Pair and sides are drawn by chance. The standings say how few votes decide the order.

        Examples:
          banyan eval arena --answers small=small.jsonl --answers large=large.jsonl --task humaneval
          banyan eval arena --answers a/transcript.jsonl --answers b/transcript.jsonl --task banyan-mini --serve
          banyan eval arena --answers kling/ --answers wan/ --prompts scenes.txt --serve
          banyan eval arena --model small.gguf --model openai:gpt-4o-2024-08-06 --prompts questions.txt
          banyan eval arena --standings --json
        """)
    {
        this.AddAll(_answers, _models, _task, _prompts, _temperature, _maxTokens, _votes, _standings, _serve, _port,
            _host, _json, _contains);
        _data = new DataChoices(this);
        SetAction((result, cancellationToken) => JudgeChoices.RunAsync(() => ExecuteAsync(result, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var file = result.GetRequiredValue(_votes);
        if (result.GetValue(_standings))
        {
            var last = "";
            var cast = File.Exists(file) ? VoteFile.Read(file, out last, result.GetValue(_contains))
                : throw new EvaluationException($"there are no votes at {file} (--votes FILE names another file)");
            var table = Standings.Of(cast);
            if (result.GetValue(_json))
                Console.WriteLine(Standings.ToJson(table, cast.Count, last));
            else
                Print(table, cast.Count, last);
            return 0;
        }
        var sampling = new SamplingSettings(result.GetValue(_temperature), MaxTokens: result.GetValue(_maxTokens));
        var questions = await QuestionsAsync(result.GetValue(_task), result.GetValue(_prompts),
            one => _data.SourceAsync(result, one, cancellationToken));
        await using var arena = await OpenArena.OfAsync(questions, result.GetValue(_models) ?? [], result.GetValue(_answers) ?? [],
            sampling, file, cancellationToken);
        var rounds = arena.Rounds;
        if (result.GetValue(_serve))
            await ServeAsync(rounds, new() { Host = result.GetRequiredValue(_host), Port = result.GetValue(_port) }, cancellationToken);
        else
            await VoteAsync(rounds, cancellationToken);
        return 0;
    }

    static string DefaultFile =>
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".banyan", "arena", "votes.jsonl");

    static async Task<IReadOnlyList<ArenaQuestion>> QuestionsAsync(string? name, string? file,
        Func<EvaluationTask, Task<TaskSource>> source)
    {
        if (name is null == file is null)
            throw new EvaluationException("what is asked? --task TASK (banyan eval tasks lists them) or --prompts FILE, one of the two");
        if (file is not null)
            return ArenaQuestion.Read(file);
        var task = TaskTable.Find(name!);
        // Twins are made in the sandbox; other tasks need none to be shown.
        using var judge = task is TwinTask ? await Judge.OpenAsync() : null;
        var items = judge is null ? task.Load(await source(task)) : await task.LoadAsync(await source(task), judge);
        return [.. items.Ids.Select(id => new ArenaQuestion(id,
            items.Text(id)?.Statement ?? throw new EvaluationException($"{task.Name} has no texts to show")) { Item = items.Prompt(id) })];
    }

    static async Task VoteAsync(ArenaRounds rounds, CancellationToken cancellationToken)
    {
        var began = rounds.Votes.Count;
        while (true)
        {
            var round = await rounds.NextAsync(cancellationToken);
            if (round.Left.File is not null || round.Right.File is not null)
                throw new EvaluationException("pictures, sounds and videos are compared in a browser: add --serve");
            Console.WriteLine(
                $"\n━━ {round.Question.Id}\n{round.Question.Text.TrimEnd()}\n\n━━ left\n{round.Left.Text.TrimEnd()}\n\n━━ right\n{round.Right.Text.TrimEnd()}\n");
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
                choice = line switch
                {
                    "l" or "left" => Choice.Left,
                    "r" or "right" => Choice.Right,
                    "t" or "tie" => Choice.Tie,
                    "n" or "neither" => Choice.Neither,
                    _ => null
                };
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
        Console.WriteLine(
            $"The arena is at {new Uri(address.Replace("127.0.0.1", "localhost", StringComparison.Ordinal).Replace("[::]", "localhost", StringComparison.Ordinal)).GetLeftPart(UriPartial.Authority)}/arena\nCtrl-C stops it.");
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
        var table = new Table().Border(TableBorder.Simple)
            .AddColumns("model", "rating", "95 %", "won", "lost", "ties", "votes that decide");
        foreach (var s in standings)
            table.AddRow(s.Model.EscapeMarkup(), s.Rating.ToString("F0", CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"{s.Interval.Low:F0} … {s.Interval.High:F0}"),
                $"{s.Wins}", $"{s.Losses}", $"{s.Ties}", s.FlipsToLosePlace is { } flips ? $"{flips}" : "");
        AnsiConsole.Write(table);
        Console.WriteLine(
            $"{votes} votes. Votes that decide: so many, turned round, would put the next model first.{(last.Length > 0 ? $" The last vote is {last}." : "")}");
    }
}
