using System.CommandLine;
using Banyan.Server.Accounts;
using Banyan.Server.SignIn;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub user add|set|list|suspend|resume|reset-two-factor|remove</c>.</summary>
static class UserCommand
{
    public static Command Create() =>
        new("user", "Add, change, list, suspend and remove users.") { Add(), Set(), List(), Suspend(), Resume(),
            ResetTwoFactor(), Remove() };

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
            var user = await accounts.AddAsync("user", arguments.GetRequiredValue(name), arguments.GetValue(fullName),
                arguments.GetValue(email), cancellationToken);
            if (arguments.GetValue(admin))
                await accounts.SetAdminAsync(user.Name, true, cancellationToken);
            Console.WriteLine(await accounts.AddTokenAsync(user.Name, "first", TokenRole.Write, null, null, cancellationToken));
        }, begins: true);
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
            arguments.GetRequiredValue(name), arguments.GetValue(admin)
                ?? throw new CommandException("say what is to change: --admin true or --admin false"), cancellationToken));
    }

    static Command List()
    {
        var json = CommandParts.Json();
        return new Command("list", "List users.") { json }.On(async (arguments, accounts, cancellationToken) =>
            HubCommand.Print(await accounts.ListAsync("user", cancellationToken), arguments.GetValue(json),
                u => $"{u.Name,-24} {u.FullName,-32} {u.Email,-32} since {HubCommand.Date(u.CreatedAt)}{(u.IsAdmin ? ", admin" : "")}{(u.SuspendedAt is { } at ? $", suspended since {HubCommand.Date(at)}" : "")}"));
    }

    static Command Suspend() => new Command("suspend", """
        Let a user do nothing: none of their tokens works until they are resumed; what is theirs stays

        Example:
          banyan hub user suspend ben
        """) { UserName(out var name) }.On((arguments, accounts, cancellationToken) => accounts.SuspendAsync(arguments.GetRequiredValue(name), true, cancellationToken));

    static Command Resume() => new Command("resume", "Let a user who was suspended do again what they could.") { UserName(out var name) }
        .On((arguments, accounts, cancellationToken) => accounts.SuspendAsync(arguments.GetRequiredValue(name), false, cancellationToken));

    static Command ResetTwoFactor() => new Command("reset-two-factor", """
        Let a user sign in without the second factor again, as when the phone with the authenticator and the recovery codes are lost

        Example:
          banyan hub user reset-two-factor ben
        """) { UserName(out var name) }.OnHub((arguments, database, cancellationToken) => new SecondFactors(database, TimeProvider.System).RemoveAsync(arguments.GetRequiredValue(name), cancellationToken));

    static Argument<string> UserName(out Argument<string> name) => name = new("NAME") { Description = "the user's name" };

    static Command Remove()
    {
        var move = new Option<string?>("--move-repos-to")
        {
            Description = "First give the user's repositories to this user or organization",
            HelpName = "NAMESPACE",
        };
        return new Command("remove", """
            Remove a user; the name stays taken, so that nobody can pass for them

            A user who owns repositories is removed once these are moved or removed.

            Examples:
              banyan hub user remove ben
              banyan hub repo list ben
              banyan hub user remove ben --move-repos-to acme
            """) { UserName(out var name), move }.OnHub(async (arguments, database, cancellationToken) =>
        {
            var (accounts, user) = (new AccountStore(database, TimeProvider.System), arguments.GetRequiredValue(name));
            var leaver = await accounts.GetAsync("user", user, cancellationToken);
            if (arguments.GetValue(move) is { } ns)
                await RepoCommand.MoveAllAsync(database, leaver,
                    await RepoCommand.NamespaceAsync(accounts, ns, cancellationToken), cancellationToken);
            await accounts.RemoveAsync("user", user, cancellationToken);
        });
    }
}
