using System.CommandLine;
using System.Globalization;
using Banyan.Cli.Commands.Hub;
using Banyan.Cli.Settings;
using Banyan.Server.Keys;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan key add|list|remove</c>: who may use the models of a server, and how much.</summary>
static class KeyCommand
{
    public static Command Create() =>
        new("key", "Add, list and remove API keys of served models, with limits.") { Add(), List(), Remove() };

    static Command Add()
    {
        var name = new Argument<string>("NAME") { Description = "whose key, or what for" };
        var requests = new Option<int?>("--requests-per-minute")
        {
            Description = "Requests in a minute (default: any number)",
            HelpName = "N",
        };
        var minute = new Option<long?>("--tokens-per-minute")
        {
            Description = "Tokens of prompts and answers in a minute (default: any number)",
            HelpName = "N",
        };
        var day = new Option<long?>("--tokens-per-day")
        {
            Description = "Tokens of prompts and answers in a day of UTC (default: any number)",
            HelpName = "N",
        };
        var concurrency = new Option<int?>("--concurrency")
        {
            Description = "Requests that are answered at the same time (default: any number)",
            HelpName = "N",
        };
        requests.Between(1, int.MaxValue);
        minute.Between(1, long.MaxValue);
        day.Between(1, long.MaxValue);
        concurrency.Between(1, int.MaxValue);
        return new Command("add", """
            Make a key and print it: it is shown this once

            From then on the server asks for a key, also one that is running. A request over a limit is answered with 429 and when to try
            again; one that goes over while it is answered is answered to its end.

            Examples:
              banyan key add ana
              banyan key add ci --requests-per-minute 60 --tokens-per-day 2000000 --concurrency 4
            """) { name, requests, minute, day, concurrency }.OnKeys((arguments, file) => Console.WriteLine(file.Add(new()
        {
            Name = arguments.GetRequiredValue(name),
            Hash = "",
            Created = TimeProvider.System.GetUtcNow(),
            RequestsPerMinute = arguments.GetValue(requests),
            TokensPerMinute = arguments.GetValue(minute),
            TokensPerDay = arguments.GetValue(day),
            Concurrency = arguments.GetValue(concurrency),
        })));
    }

    static Command List()
    {
        var json = CommandParts.Json();
        return new Command("list",
            "List keys, their limits and what they were used for: never their text.") { json }.OnKeys((arguments, file) =>
        {
            var (usage, today) = (file.ReadUsage(), DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime));
            var rows = file.Read().Select(k => Row.Of(k, usage.GetValueOrDefault(k.Name, KeyUsage.None), today)).ToList();
            HubCommand.Print(rows, arguments.GetValue(json), r => r.ToString());
            if (rows.Count == 0 && !arguments.GetValue(json))
                Console.Error.WriteLine($"There are no keys in {file.Path}.");
        });
    }

    static Command Remove()
    {
        var name = new Argument<string>("NAME") { Description = "the name that list shows" };
        return new Command("remove", "End a key at once; the server still asks for one.") { name }.OnKeys((arguments, file) =>
        {
            file.Remove(arguments.GetRequiredValue(name));
            if (file.Read().Count == 0)
                Console.Error.WriteLine(
                    $"No key is left, so the models answer nobody: make another, or delete {file.Path} to ask for none (a server that runs must be started again).");
        });
    }

    static Command OnKeys(this Command command, Action<ParseResult, KeyFile> work)
    {
        var (data, keys) = (KeyChoice.NewDataOption(), KeyChoice.NewOption());
        ServerSettings.Add(command, data, keys);
        command.SetAction((arguments, _) =>
        {
            try
            {
                work(arguments, KeyChoice.Open(arguments, data, keys));
                return Task.FromResult(0);
            }
            catch (KeyFileException e)
            {
                throw new CommandException(e.Message);
            }
        });
        return command;
    }

    sealed record Row(
        string Name, DateTimeOffset Created, DateTimeOffset? LastUsed, int? RequestsPerMinute, long? TokensPerMinute,
        long? TokensPerDay, int? Concurrency,
        long Requests, long PromptTokens, long AnswerTokens, long TokensToday)
    {
        public static Row Of(ApiKey key, KeyUsage usage, DateOnly today) => new(
            key.Name, key.Created, usage.Requests == 0 ? null : usage.LastUsed, key.RequestsPerMinute, key.TokensPerMinute,
            key.TokensPerDay, key.Concurrency,
            usage.Requests, usage.PromptTokens, usage.AnswerTokens, usage.Day == today ? usage.TokensOfDay : 0);

        public override string ToString()
        {
            string?[] limits = [Limit(RequestsPerMinute, "requests/min"), Limit(TokensPerMinute, "tokens/min"),
                Limit(TokensPerDay, "tokens/day"), Limit(Concurrency, "at a time")];
            var limited = string.Join(", ", limits.OfType<string>());
            return string.Create(CultureInfo.InvariantCulture,
                $"{Name,-24} since {Created:yyyy-MM-dd}, {Requests} requests, {PromptTokens} + {AnswerTokens} tokens ({TokensToday} today), last {(LastUsed is { } at ? at.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) : "never")}{(limited.Length > 0 ? $"; at most {limited}" : "")}");
        }

        static string? Limit(long? value, string of) =>
            value is { } most ? string.Create(CultureInfo.InvariantCulture, $"{most} {of}") : null;
    }
}
