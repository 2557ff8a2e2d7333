using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub</c>: administration of a hub, directly on its database, whether or not it is running.</summary>
static class HubCommand
{
    static readonly JsonSerializerOptions s_json =
        new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, WriteIndented = true };

    public static Command Create() =>
        new("hub",
            "Look after a hub: users, organizations, tokens, repositories (in and out), quotas, the audit, what is no longer needed.")
    {
        UserCommand.Create(),
        OrgCommand.Create(),
        RepoCommand.Create(),
        new ImportCommand(),
        new ExportCommand(),
        QuotaCommand.Create(),
        TokenCommand.Create(),
        AppCommand.Create(),
        AuditCommand.Create(),
        JobsCommand.Create(),
        ModeCommand.CreateMaintenance(),
        ModeCommand.CreateReaders(),
        ModeCommand.CreateTwoFactor(),
        ModeCommand.CreateRotateKeys(),
        new GcCommand(),
    };

    /// <summary>A command that works on the accounts of the hub that its options name.</summary>
    /// <param name="command">The command.</param>
    /// <param name="work">What it does.</param>
    /// <param name="begins">Whether the command creates a hub if there is none.</param>
    public static Command On(this Command command, Func<ParseResult, AccountStore, CancellationToken, Task> work, bool begins = false) =>
        command.OnHub((arguments, database, cancellationToken) =>
            work(arguments, new AccountStore(database, TimeProvider.System), cancellationToken), begins);

    /// <summary>A command that works on the database of the hub that its options name.</summary>
    public static Command OnHub(this Command command, Func<ParseResult, HubDatabase, CancellationToken, Task> work, bool begins = false)
    {
        var hub = new HubChoice(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var options = hub.Options(arguments);
            var isNew = options.DatabaseFile is { } file && !File.Exists(file);
            if (isNew && !begins)
                throw new CommandException(
                    $"there is no hub in {options.DataFolder}: name its folder with --data DIR (banyan up and banyan hub user add make one)");
            if (isNew)
                Console.Error.WriteLine($"A new hub begins in {options.DataFolder}.");
            Private.CreateFolder(options.DataFolder);
            hub.Warn(arguments, options);
            Actor.Act(Actor.Command);
            await using var database = options.OpenDatabase(Console.Error.WriteLine);
            try
            {
                await work(arguments, database, cancellationToken);
            }
            catch (AccountException e)
            {
                throw new CommandException(e.Message);
            }
            return 0;
        });
        return command;
    }

    /// <summary>Prints rows as lines for people, or as JSON.</summary>
    public static void Print<T>(IReadOnlyList<T> rows, bool json, Func<T, string> line)
    {
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(rows, s_json));
        else
            foreach (var row in rows)
                Console.WriteLine(line(row));
    }

    /// <summary>Prints a value as JSON.</summary>
    public static void PrintJson<T>(T value) => Console.WriteLine(JsonSerializer.Serialize(value, s_json));

    /// <summary>A date, or <c>never</c>.</summary>
    public static string Date(long? unixMilliseconds, string none = "never") =>
        unixMilliseconds is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at)
        .ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture) : none;
}
