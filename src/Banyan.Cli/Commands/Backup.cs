using System.CommandLine;
using Banyan.Cli.Commands.Hub;
using Banyan.Server.Maintenance.Backups;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan backup</c> and <c>banyan restore</c>.</summary>
static class Backup
{
    static Argument<DirectoryInfo> Folder() => new("DIR") { Description = "the folder of backups" };

    public static Command Create()
    {
        var folder = Folder();
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        var command = new Command("backup", """
            Copy a hub, while it runs, into a folder of backups

            The database as of one moment, and of the stored objects those that the folder has not: a second backup copies only what is new.
            Every byte is hashed on the way. The folder can be copied with any tool; it holds the hub's secrets.

            Examples:
              banyan backup /mnt/backup
              banyan backup /mnt/backup --data /srv/banyan
              banyan backup /mnt/backup --database "Host=db;Database=banyan;Username=banyan" --objects s3://models/hub/
            """) { folder, json };
        var hub = new HubChoice(command);
        command.SetAction((arguments, cancellationToken) => Explained(async () =>
        {
            var to = arguments.GetRequiredValue(folder).FullName;
            var quiet = arguments.GetValue(json);
            await using var place = HubPlace.Open(hub, arguments);
            var report = await MaintenanceProgress.RunAsync(quiet, show => new Server.Maintenance.Backups.Backup(place.Database, place.Objects, TimeProvider.System).RunAsync(to, show, cancellationToken));
            if (quiet)
                HubCommand.PrintJson(report);
            else
                Console.WriteLine($"snapshot {report.Name}: {report.Objects} objects, of them {report.Copied} new ({Sizes.Bytes(report.CopiedBytes)})");
        }));
        return command;
    }

    public static Command CreateRestore()
    {
        var folder = Folder();
        var snapshot = new Option<string?>("--snapshot") { Description = "The name that backup printed (default: the newest)" };
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        var command = new Command("restore", """
            Make a hub of a backup

            The hub must be empty. It may be of another kind than the one that was backed up: SQLite or PostgreSQL, disk or S3.

            Examples:
              banyan restore /mnt/backup --data /srv/banyan
              banyan restore /mnt/backup --data /srv/banyan --snapshot 20261125T231500Z
              banyan restore /mnt/backup --database "Host=db;Database=banyan;Username=banyan" --objects s3://models/hub/
            """) { folder, snapshot, json };
        var hub = new HubChoice(command);
        command.SetAction((arguments, cancellationToken) => Explained(async () =>
        {
            Directory.CreateDirectory(hub.Folder(arguments));
            var quiet = arguments.GetValue(json);
            var options = hub.Options(arguments);
            await using var place = HubPlace.OpenNew(options);
            var report = await MaintenanceProgress.RunAsync(quiet, show => new Restore(place.Database, place.Objects).RunAsync(arguments.GetRequiredValue(folder).FullName, arguments.GetValue(snapshot), show, cancellationToken));
            if (quiet)
                HubCommand.PrintJson(report);
            else
                Console.WriteLine($"restored {report.Name} of {report.Made.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC: {report.Objects} objects; banyan up --data {options.DataFolder} starts it");
        }));
        return command;
    }

    static async Task<int> Explained(Func<Task> work)
    {
        try
        {
            await work();
            return 0;
        }
        catch (BackupException e)
        {
            throw new CommandException(e.Message);
        }
    }
}
