using System.CommandLine;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;

namespace Banyan.Cli.Commands.Hub;

/// <summary>A hub's database and objects, opened by a command beside the hub itself.</summary>
sealed record HubPlace(HubOptions Options, HubDatabase Database, IObjectStore Objects) : IAsyncDisposable
{
    /// <summary>Opens an existing hub.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public static HubPlace Open(HubChoice hub, ParseResult arguments)
    {
        var options = hub.Options(arguments);
        if (options.DatabaseFile is { } file && !File.Exists(file))
            throw new CommandException($"there is no hub in {options.DataFolder}: name its folder with --data DIR (banyan up makes one)");
        hub.Warn(arguments, options);
        return new HubPlace(options, options.OpenDatabase(Console.Error.WriteLine), options.OpenObjects());
    }

    /// <summary>Opens the place of a hub that may not exist yet, without migrating its schema.</summary>
    public static HubPlace OpenNew(HubOptions options) =>
        new(options, HubDatabase.Open(options.Database ?? Path.Combine(options.DataFolder, "hub.db")), options.OpenObjects());

    public async ValueTask DisposeAsync()
    {
        (Objects as IDisposable)?.Dispose();
        await Database.DisposeAsync();
    }
}
