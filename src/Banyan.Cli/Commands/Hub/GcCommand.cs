using System.CommandLine;
using Banyan.Server.Maintenance.Collection;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub gc</c>.</summary>
sealed class GcCommand : Command
{
    readonly Option<bool> _dry = new("--dry-run") { Description = "Only count what would be removed now" };
    readonly Option<int> _grace = new("--grace")
    {
        Description = "Days that something is kept after nothing leads to it; clients may name it for weeks",
        DefaultValueFactory = _ => 30,
    };
    readonly Option<bool> _json = CommandParts.Json();
    readonly HubChoice _hub;

    public GcCommand() : base("gc", """
        Remove what nothing leads to any more and nobody may still name

        A hub that runs does this by itself once a day; this does it now, beside the hub or without it. It can be stopped at any time.

        Examples:
          banyan hub gc --dry-run
          banyan hub gc --data /srv/banyan --grace 60
        """)
    {
        this.AddAll(_dry, _grace, _json);
        _hub = new HubChoice(this);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var days = arguments.GetValue(_grace);
        if (days is < 1 or > 3650)
            throw new CommandException(
                $"--grace {days}: at least 1 day, since an upload that is under way may last so long, and at most 3650");
        await using var place = HubPlace.Open(_hub, arguments);
        var options = new CollectionOptions { Grace = TimeSpan.FromDays(days), DryRun = arguments.GetValue(_dry) };
        var report = await new Collector(place.Database, place.Objects, TimeProvider.System).RunAsync(options, null, cancellationToken);
        if (arguments.GetValue(_json))
            HubCommand.PrintJson(report);
        else
            Console.WriteLine(
                $"{(options.DryRun ? "would remove" : "removed")} {report.GitObjects} git objects, {report.Uploads} uploads never committed, {report.Contents} large files, " +
                $"{report.Objects} stored objects ({Sizes.Bytes(report.Bytes)}); {report.Waiting} wait for the end of their grace time" +
                (report.Paused ? "; a backup is being made, so the object store was left alone" : ""));
        return 0;
    }
}
