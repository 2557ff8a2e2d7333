using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Banyan.Server.Accounts;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub</c>: what whoever runs a hub does with it, on the hub's own database, while it runs or not.</summary>
static class HubCommand
{
    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, WriteIndented = true };

    public static Command Create() => new("hub", "Look after a hub: users, organizations, tokens, what is no longer needed.")
    {
        UserCommand.Create(),
        OrgCommand.Create(),
        TokenCommand.Create(),
        GcCommand.Create(),
    };

    /// <summary>A command that works on the accounts of the hub that its options name.</summary>
    public static Command On(this Command command, Func<ParseResult, AccountStore, CancellationToken, Task> work)
    {
        var hub = new HubChoice(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            Directory.CreateDirectory(hub.Folder(arguments));
            await using var database = hub.Options(arguments).OpenDatabase();
            try
            {
                await work(arguments, new AccountStore(database, TimeProvider.System), cancellationToken);
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

    /// <summary>A time, or a word for none.</summary>
    public static string Date(long? unixMilliseconds, string none = "never") =>
        unixMilliseconds is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture) : none;
}
