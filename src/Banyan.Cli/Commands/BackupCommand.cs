using System.CommandLine;
using Banyan.Cli.Commands.Hub;
using Banyan.Server.Maintenance.Backups;
using Banyan.Server.Storage;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan backup DIR</c>: a hub is copied, while it runs, into a folder of backups.</summary>
sealed class BackupCommand : Command
{
    readonly Argument<DirectoryInfo> _folder = Folder();
    readonly Option<int?> _keep = new("--keep")
    {
        Description = "Afterwards keep only the newest N snapshots, and the objects that these need",
        HelpName = "N",
    };
    readonly Option<bool> _json = CommandParts.Json();
    readonly HubChoice _hub;

    public BackupCommand() : base("backup", """
        Copy a hub, while it runs, into a folder of backups

        The database as of one moment, and of the stored objects those that the folder has not: a second backup copies only what is new.
        Every byte is hashed on the way. The folder can be copied with any tool; it holds the hub's secrets.

        Examples:
          banyan backup /mnt/backup
          banyan backup /mnt/backup --data /srv/banyan --keep 30
          banyan backup /mnt/backup --database "Host=db;Database=banyan;Username=banyan" --objects s3://models/hub/
          banyan backup verify /mnt/backup
        """)
    {
        this.AddAll(_folder, _keep, _json);
        _hub = new HubChoice(this);
        Subcommands.Add(new BackupVerifyCommand());
        SetAction((arguments, cancellationToken) => Explained(() => ExecuteAsync(arguments, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var to = arguments.GetRequiredValue(_folder).FullName;
        var quiet = arguments.GetValue(_json);
        var kept = arguments.GetValue(_keep);
        if (kept < 1)
            throw new CommandException($"--keep {kept}: at least 1, the snapshot that is made");
        await using var place = HubPlace.Open(_hub, arguments);
        if (Private.Warning(to) is { } warning)
            Console.Error.WriteLine($"warning: {warning}");
        var report = await MaintenanceProgress.RunAsync(quiet,
            show => new Backup(place.Database, place.Objects, TimeProvider.System).RunAsync(to, show, cancellationToken));
        if (!quiet)
            Console.WriteLine(
                $"snapshot {report.Name}: {report.Objects} objects, of them {report.Copied} new ({Sizes.Bytes(report.CopiedBytes)})");
        var removed = kept is { } n ? await new Retention(to).RunAsync(n, cancellationToken) : null;
        if (quiet)
            HubCommand.PrintJson(new { report.Name, report.Objects, report.Copied, report.CopiedBytes, Removed = removed });
        else if (removed is { Snapshots.Count: > 0 } or { Objects: > 0 })
            Console.WriteLine(
                $"removed {removed.Snapshots.Count} older snapshots and {removed.Objects} objects that only they needed ({Sizes.Bytes(removed.Bytes)})");
        return 0;
    }

    /// <summary>The folder of backups.</summary>
    public static Argument<DirectoryInfo> Folder() => new("DIR") { Description = "the folder of backups" };

    /// <summary>Which snapshot in it.</summary>
    public static Option<string?> Snapshot() => new("--snapshot")
    {
        Description = "The name that backup printed (default: the newest)",
        HelpName = "NAME",
    };

    /// <summary>Runs an action; an error of the backup becomes the command's error.</summary>
    public static async Task<int> Explained(Func<Task<int>> work)
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
