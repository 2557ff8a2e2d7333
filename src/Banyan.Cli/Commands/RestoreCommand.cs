using System.CommandLine;
using Banyan.Cli.Commands.Hub;
using Banyan.Server.Maintenance.Backups;
using Banyan.Server.Storage;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan restore DIR</c>: a hub is made from a snapshot.</summary>
sealed class RestoreCommand : Command
{
    readonly Argument<DirectoryInfo> _folder = BackupCommand.Folder();
    readonly Option<string?> _snapshot = BackupCommand.Snapshot();
    readonly Option<bool> _json = CommandParts.Json();
    readonly HubChoice _hub;

    public RestoreCommand() : base("restore", """
        Make a hub of a backup

        The hub must be empty. It may be of another kind than the one that was backed up: SQLite or PostgreSQL, disk or S3.

        Examples:
          banyan restore /mnt/backup --data /srv/banyan
          banyan restore /mnt/backup --data /srv/banyan --snapshot 20261125T231500Z
          banyan restore /mnt/backup --database "Host=db;Database=banyan;Username=banyan" --objects s3://models/hub/
        """)
    {
        this.AddAll(_folder, _snapshot, _json);
        _hub = new HubChoice(this);
        SetAction((arguments, cancellationToken) => BackupCommand.Explained(() => ExecuteAsync(arguments, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var backup = arguments.GetRequiredValue(_folder);
        if (!backup.Exists)
            throw new CommandException($"there is no folder {backup.FullName}");
        if (!Directory.Exists(Path.Combine(backup.FullName, "snapshots")))
            throw new CommandException($"{backup.FullName} has no snapshot: banyan backup makes one");
        Private.CreateFolder(_hub.Folder(arguments));
        var quiet = arguments.GetValue(_json);
        var options = _hub.Options(arguments);
        await using var place = HubPlace.OpenNew(options);
        var report = await MaintenanceProgress.RunAsync(quiet,
            show => new Restore(place.Database, place.Objects).RunAsync(backup.FullName, arguments.GetValue(_snapshot),
                show, cancellationToken));
        if (quiet)
            HubCommand.PrintJson(report);
        else
            Console.WriteLine(
                $"restored {report.Name} of {report.Made.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC: {report.Objects} objects; banyan up --data {options.DataFolder} starts it");
        return 0;
    }
}
