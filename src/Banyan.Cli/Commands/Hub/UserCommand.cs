using System.CommandLine;
using Banyan.Server.Accounts;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub user add|set|list|remove</c>.</summary>
static class UserCommand
{
    public static Command Create() => new("user", "Add, change, list and remove users.") { Add(), Set(), List(), Remove() };

    static Command Add()
    {
        var name = new Argument<string>("NAME") { Description = "the user's name, which is also the namespace of their repositories" };
        var fullName = new Option<string?>("--full-name") { Description = "The name people know" };
        var email = new Option<string?>("--email") { Description = "Address" };
        var admin = new Option<bool>("--admin") { Description = "May add and remove users over the API" };
        return new Command("add", """
            Add a user and print a first token with the role write

            Example:
              export HF_TOKEN=$(banyan hub user add ana)
            """) { name, fullName, email, admin }.On(async (arguments, accounts, cancellationToken) =>
        {
            var user = await accounts.AddAsync("user", arguments.GetRequiredValue(name), arguments.GetValue(fullName), arguments.GetValue(email), cancellationToken);
            if (arguments.GetValue(admin))
                await accounts.SetAdminAsync(user.Name, true, cancellationToken);
            Console.WriteLine(await accounts.AddTokenAsync(user.Name, "first", TokenRole.Write, null, null, cancellationToken));
        });
    }

    static Command Set()
    {
        var name = new Argument<string>("NAME") { Description = "the user's name" };
        var admin = new Option<bool?>("--admin") { Description = "Whether the user may add and remove users over the API: true or false" };
        return new Command("set", """
            Change what a user is on this hub

            Example:
              banyan hub user set ana --admin true
            """) { name, admin }.On((arguments, accounts, cancellationToken) => accounts.SetAdminAsync(
            arguments.GetRequiredValue(name), arguments.GetValue(admin) ?? throw new CommandException("say what is to change: --admin true or --admin false"), cancellationToken));
    }

    static Command List()
    {
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        return new Command("list", "List users.") { json }.On(async (arguments, accounts, cancellationToken) =>
            HubCommand.Print(await accounts.ListAsync("user", cancellationToken), arguments.GetValue(json), u => $"{u.Name,-24} {u.FullName,-32} {u.Email,-32} since {HubCommand.Date(u.CreatedAt)}{(u.IsAdmin ? ", admin" : "")}"));
    }

    static Command Remove()
    {
        var name = new Argument<string>("NAME") { Description = "the user's name" };
        return new Command("remove", "Remove a user who owns no repositories; the name stays taken, so that nobody can pass for them.") { name }
            .On((arguments, accounts, cancellationToken) => accounts.RemoveAsync("user", arguments.GetRequiredValue(name), cancellationToken));
    }
}
