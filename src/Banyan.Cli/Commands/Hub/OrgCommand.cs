using System.CommandLine;
using Banyan.Server.Access;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub org add|list|remove|member</c>.</summary>
static class OrgCommand
{
    public static Command Create() =>
        new("org", "Add, list and remove organizations and their members.") { Add(), List(), Remove(), Member(), Leave() };

    static Argument<string> Name() => new("NAME")
    {
        Description = "the organization's name, which is also the namespace of its repositories",
    };

    static Command Add()
    {
        var name = Name();
        var fullName = new Option<string?>("--full-name") { Description = "The name people know" };
        var admin = new Option<string?>("--admin") { Description = "A user who looks after it" };
        return new Command("add", """
            Add an organization

            Example:
              banyan hub org add acme --admin ana
            """) { name, fullName, admin }.On(async (arguments, accounts, cancellationToken) =>
        {
            var user = arguments.GetValue(admin);
            if (user is not null)
                await accounts.GetAsync("user", user, cancellationToken);
            var org = await accounts.AddAsync("org", arguments.GetRequiredValue(name), arguments.GetValue(fullName),
                null, cancellationToken);
            if (user is not null)
                await accounts.SetMemberAsync(org.Name, user, Right.Admin, cancellationToken);
        }, begins: true);
    }

    static Command List()
    {
        var name = new Argument<string?>("NAME") { Description = "list the members of this one", Arity = ArgumentArity.ZeroOrOne };
        var json = CommandParts.Json();
        return new Command("list", "List organizations, or the members of one.") { name,
            json }.On(async (arguments, accounts, cancellationToken) =>
        {
            if (arguments.GetValue(name) is { } org)
                HubCommand.Print(await accounts.MembersAsync((await accounts.GetAsync("org", org, cancellationToken)).Id,
                    cancellationToken), arguments.GetValue(json), m => $"{m.User,-24} {m.Role.ToString().ToLowerInvariant()}");
            else
                HubCommand.Print(await accounts.ListAsync("org", cancellationToken), arguments.GetValue(json),
                    o => $"{o.Name,-24} {o.FullName,-32} since {HubCommand.Date(o.CreatedAt)}");
        });
    }

    static Command Remove()
    {
        var name = Name();
        return new Command("remove", "Remove an organization that owns no repositories; the name stays taken.") { name }
            .On((arguments, accounts, cancellationToken) =>
                accounts.RemoveAsync("org", arguments.GetRequiredValue(name), cancellationToken));
    }

    static Command Member()
    {
        var name = Name();
        var user = new Argument<string>("USER") { Description = "a user" };
        var role = new Option<Right>("--role") { Description = "read, write or admin", DefaultValueFactory = _ => Right.Write };
        role.AcceptOnlyFromAmong("read", "write", "admin");
        return new Command("member", "Make a user a member of an organization, or change the role.") { name, user, role }
            .On((arguments, accounts, cancellationToken) =>
                accounts.SetMemberAsync(arguments.GetRequiredValue(name), arguments.GetRequiredValue(user),
                    arguments.GetValue(role), cancellationToken));
    }

    static Command Leave()
    {
        var name = Name();
        var user = new Argument<string>("USER") { Description = "a member" };
        return new Command("leave", "End a user's membership of an organization.") { name, user }
            .On((arguments, accounts, cancellationToken) =>
                accounts.RemoveMemberAsync(arguments.GetRequiredValue(name), arguments.GetRequiredValue(user), cancellationToken));
    }
}
