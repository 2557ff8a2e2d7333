using System.CommandLine;
using Banyan.Cli.Commands.Hub;
using Banyan.Server.Maintenance.Backups;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan backup verify DIR</c>: a snapshot is checked without a hub.</summary>
sealed class BackupVerifyCommand : Command
{
    const int Found = 1;

    readonly Argument<DirectoryInfo> _folder = BackupCommand.Folder();
    readonly Option<string?> _snapshot = BackupCommand.Snapshot();
    readonly Option<string> _sample = Fsck.Sample();
    readonly Option<string?> _rate = Fsck.Rate();
    readonly Option<bool> _json = CommandParts.Json();

    public BackupVerifyCommand() : base("verify", """
        Verify a folder of backups, without a hub: every byte that a snapshot would restore

        The database is loaded into a temporary folder and checked as banyan fsck checks a hub, against the folder's objects.
        Exit code 0: the snapshot restores whole. 1: something is damaged; each line says what and what to do.

        Examples:
          banyan backup verify /mnt/backup
          banyan backup verify /mnt/backup --snapshot 20261125T231500Z --sample 5% --max-rate 50MB/s
        """)
    {
        this.AddAll(_folder, _snapshot, _sample, _rate, _json);
        SetAction((arguments, cancellationToken) => BackupCommand.Explained(() => ExecuteAsync(arguments, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var quiet = arguments.GetValue(_json);
        var options = Fsck.Checks(arguments, _sample, _rate);
        var (name, report) = await MaintenanceProgress.RunAsync(quiet,
            show => new BackupCheck(arguments.GetRequiredValue(_folder).FullName, TimeProvider.System)
            .RunAsync(arguments.GetValue(_snapshot), options, p => show(p.Phase, p.Done, p.Total), cancellationToken));
        if (quiet)
            HubCommand.PrintJson(new { Snapshot = name, Report = report });
        else
        {
            Console.WriteLine($"snapshot {name}");
            Fsck.Print(report);
        }
        return report.Clean ? 0 : Found;
    }
}
