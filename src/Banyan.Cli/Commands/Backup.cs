using System.CommandLine;
using Banyan.Cli.Commands.Hub;
using Banyan.Server.Maintenance.Backups;
using Banyan.Server.Maintenance.Checking;
using Banyan.Server.Storage;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan backup</c> and <c>banyan restore</c>.</summary>
static class Backup
{
    static Argument<DirectoryInfo> Folder() => new("DIR") { Description = "the folder of backups" };

    const int Found = 1;

    public static Command Create()
    {
        var folder = Folder();
        var keep = new Option<int?>("--keep") { Description = "Afterwards keep only the newest N snapshots, and the objects that these need", HelpName = "N" };
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        var command = new Command("backup", """
            Copy a hub, while it runs, into a folder of backups

            The database as of one moment, and of the stored objects those that the folder has not: a second backup copies only what is new.
            Every byte is hashed on the way. The folder can be copied with any tool; it holds the hub's secrets.

            Examples:
              banyan backup /mnt/backup
              banyan backup /mnt/backup --data /srv/banyan --keep 30
              banyan backup /mnt/backup --database "Host=db;Database=banyan;Username=banyan" --objects s3://models/hub/
              banyan backup verify /mnt/backup
            """) { folder, keep, json };
        var hub = new HubChoice(command);
        command.Subcommands.Add(CreateVerify());
        command.SetAction((arguments, cancellationToken) => Explained(async () =>
        {
            var to = arguments.GetRequiredValue(folder).FullName;
            var quiet = arguments.GetValue(json);
            var kept = arguments.GetValue(keep);
            if (kept < 1)
                throw new CommandException($"--keep {kept}: at least 1, the snapshot that is made");
            await using var place = HubPlace.Open(hub, arguments);
            if (Private.Warning(to) is { } warning)
                Console.Error.WriteLine($"warning: {warning}");
            var report = await MaintenanceProgress.RunAsync(quiet, show => new Server.Maintenance.Backups.Backup(place.Database, place.Objects, TimeProvider.System).RunAsync(to, show, cancellationToken));
            if (!quiet)
                Console.WriteLine($"snapshot {report.Name}: {report.Objects} objects, of them {report.Copied} new ({Sizes.Bytes(report.CopiedBytes)})");
            var removed = kept is { } n ? await new Retention(to).RunAsync(n, cancellationToken) : null;
            if (quiet)
                HubCommand.PrintJson(new { report.Name, report.Objects, report.Copied, report.CopiedBytes, Removed = removed });
            else if (removed is { Snapshots.Count: > 0 } or { Objects: > 0 })
                Console.WriteLine($"removed {removed.Snapshots.Count} older snapshots and {removed.Objects} objects that only they needed ({Sizes.Bytes(removed.Bytes)})");
            return 0;
        }));
        return command;
    }

    static Command CreateVerify()
    {
        var folder = Folder();
        var snapshot = SnapshotOption();
        var (sample, rate) = (Fsck.Sample(), Fsck.Rate());
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        var command = new Command("verify", """
            Verify a folder of backups, without a hub: every byte that a snapshot would restore

            The database is loaded into a temporary folder and checked as banyan fsck checks a hub, against the folder's objects.
            Exit code 0: the snapshot restores whole. 1: something is damaged; each line says what and what to do.

            Examples:
              banyan backup verify /mnt/backup
              banyan backup verify /mnt/backup --snapshot 20261125T231500Z --sample 5% --max-rate 50MB/s
            """) { folder, snapshot, sample, rate, json };
        command.SetAction((arguments, cancellationToken) => Explained(async () =>
        {
            var quiet = arguments.GetValue(json);
            var options = Fsck.Options(arguments, sample, rate);
            var (name, report) = await MaintenanceProgress.RunAsync(quiet, show => new BackupCheck(arguments.GetRequiredValue(folder).FullName, TimeProvider.System)
                .RunAsync(arguments.GetValue(snapshot), options, p => show(p.Phase, p.Done, p.Total), cancellationToken));
            if (quiet)
                HubCommand.PrintJson(new { Snapshot = name, Report = report });
            else
            {
                Console.WriteLine($"snapshot {name}");
                Fsck.Print(report);
            }
            return report.Clean ? 0 : Found;
        }));
        return command;
    }

    static Option<string?> SnapshotOption() => new("--snapshot") { Description = "The name that backup printed (default: the newest)", HelpName = "NAME" };

    public static Command CreateRestore()
    {
        var folder = Folder();
        var snapshot = SnapshotOption();
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
            var backup = arguments.GetRequiredValue(folder);
            if (!backup.Exists)
                throw new CommandException($"there is no folder {backup.FullName}");
            if (!Directory.Exists(Path.Combine(backup.FullName, "snapshots")))
                throw new CommandException($"{backup.FullName} has no snapshot: banyan backup makes one");
            Private.CreateFolder(hub.Folder(arguments));
            var quiet = arguments.GetValue(json);
            var options = hub.Options(arguments);
            await using var place = HubPlace.OpenNew(options);
            var report = await MaintenanceProgress.RunAsync(quiet, show => new Restore(place.Database, place.Objects).RunAsync(backup.FullName, arguments.GetValue(snapshot), show, cancellationToken));
            if (quiet)
                HubCommand.PrintJson(report);
            else
                Console.WriteLine($"restored {report.Name} of {report.Made.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC: {report.Objects} objects; banyan up --data {options.DataFolder} starts it");
            return 0;
        }));
        return command;
    }

    static async Task<int> Explained(Func<Task<int>> work)
    {
        try
        {
            return await work();
        }
        catch (BackupException e)
        {
            throw new CommandException(e.Message);
        }
    }
}
