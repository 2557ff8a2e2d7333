using System.CommandLine;
using System.Globalization;
using Banyan.Cli.Hubs;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub quota list|set|default|floor|repos</c>.</summary>
static class QuotaCommand
{
    public static Command Create() =>
        new("quota", "Bound how much users and organizations keep, and how much of the disk stays free.") { List(), Set(),
            Default(), Floor(), Repos() };

    static Argument<string> Size(string none) => new("SIZE") { Description = $"like 500MB, 100GB or 2TB, or {none}" };

    static StorageLimits Limits(HubDatabase database, string folder = ".") =>
        new(database, new HubOptions { DataFolder = folder }, TimeProvider.System);

    static Command List()
    {
        var json = CommandParts.Json();
        return new Command("list",
            "List what users and organizations keep, and may.") { json }.OnHub(async (arguments, database, cancellationToken) =>
        {
            var (accounts, limits, rows) = (new AccountStore(database, TimeProvider.System),
                Limits(database, Path.GetFullPath(arguments.GetRequiredValue<string>("--data"))), new List<NamespaceUse>());
            foreach (var account in (await accounts.ListAsync("user", cancellationToken)).Concat(
                await accounts.ListAsync("org", cancellationToken)))
                rows.Add(await limits.UseAsync(account.Id, cancellationToken));
            HubCommand.Print(rows, arguments.GetValue(json),
                r => $"{r.Name,-24} {Sizes.Bytes(r.Used),10} of {(r.Quota is { } quota ? Sizes.Bytes(quota) : "no quota")}{(r.Own is null && r.Quota is not null ? " (default)" : "")}, {r.Repos} of {r.RepoLimit} repositories");
            if (!arguments.GetValue(json) && await limits.FloorAsync(cancellationToken) is > 0 and var floor)
                Console.WriteLine($"{Sizes.Bytes(floor)} of the disk stay free");
        });
    }

    static Command Set()
    {
        var name = new Argument<string>("NAMESPACE") { Description = "a user or an organization" };
        var size = Size("default for what banyan hub quota default says");
        return new Command("set", """
            Bound how much a user or an organization keeps; what is there already stays

            Examples:
              banyan hub quota set ana 100GB
              banyan hub quota set ana default
            """) { name, size }.OnHub(async (arguments, database, cancellationToken) =>
        {
            var account = await RepoCommand.NamespaceAsync(new AccountStore(database, TimeProvider.System),
                arguments.GetRequiredValue(name), cancellationToken);
            await Limits(database).SetQuotaAsync(account.Id, Bytes(arguments.GetRequiredValue(size), "default"), cancellationToken);
        });
    }

    static Command Default()
    {
        var size = Size("none");
        return new Command("default", """
            Bound how much each user and organization keeps that has no quota of its own

            Example:
              banyan hub quota default 50GB
            """) { size }.OnHub((arguments, database, cancellationToken) => Limits(database).SetDefaultQuotaAsync(Bytes(arguments.GetRequiredValue(size), "none"), cancellationToken));
    }

    static Command Floor()
    {
        var size = Size("none, or default for 2 % of the disk and no more than 2 GB");
        return new Command("floor", """
            Keep so much of the data folder's disk free: uploads that would take it are refused before their bytes come

            Examples:
              banyan hub quota floor 20GB
              banyan hub quota floor default
            """) { size }.OnHub((arguments, database, cancellationToken) =>
                Limits(database).SetFloorAsync(arguments.GetRequiredValue(size) == "none" ? 0
                    : Bytes(arguments.GetRequiredValue(size), "default"), cancellationToken));
    }

    static Command Repos()
    {
        var count = new Argument<string>("COUNT") { Description = "a whole number, or default" };
        var name = new Argument<string?>("NAMESPACE")
        {
            Description = "a user or an organization; all that have no limit of their own where it is left out",
            DefaultValueFactory = _ => null,
        };
        return new Command("repos", $"""
            Bound how many repositories a user or an organization has; {StorageLimits.DefaultRepoLimit:N0} where nobody says otherwise

            Examples:
              banyan hub quota repos 200
              banyan hub quota repos 50000 mirrors
              banyan hub quota repos default mirrors
            """) { count, name }.OnHub(async (arguments, database, cancellationToken) =>
        {
            var text = arguments.GetRequiredValue(count);
            long? limit = text == "default" ? null
                : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
                : throw new CommandException($"COUNT {text}: a whole number, or default");
            if (arguments.GetValue(name) is not { } ns)
                await Limits(database).SetRepoLimitAsync(limit, cancellationToken);
            else
                await Limits(database)
                    .SetRepoLimitAsync(
                        (await RepoCommand.NamespaceAsync(new AccountStore(database, TimeProvider.System), ns, cancellationToken)).Id,
                        limit, cancellationToken);
        });
    }

    static long? Bytes(string text, string none) => text == none ? null : text == "0" ? 0 : ByteAmount.Parse("SIZE", text);
}
