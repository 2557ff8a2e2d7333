using System.CommandLine;
using Banyan.Server.Access;
using Banyan.Server.Accounts;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub token add|list|remove</c>.</summary>
static class TokenCommand
{
    public static Command Create() => new("token", "Add, list and remove access tokens.") { Add(), List(), Remove() };

    static Command Add()
    {
        var user = new Argument<string>("USER") { Description = "whose token" };
        var name = new Option<string>("--name") { Description = "What it is for", DefaultValueFactory = _ => "token" };
        var role = new Option<string>("--role") { Description = "read, write or fine-grained", DefaultValueFactory = _ => "write" };
        role.AcceptOnlyFromAmong("read", "write", "fine-grained");
        var allow = new Option<string[]>("--allow")
        {
            Description =
                "For fine-grained: WHERE=read|write|admin, where WHERE is a namespace, a repository (acme/coder, datasets/acme/code) or * (may be given several times)",
        };
        var days = new Option<int?>("--days") { Description = "How long it lives (default: until it is removed)" };
        return new Command("add", """
            Make a token and print it: it is shown this once

            Examples:
              banyan hub token add ana --role read --days 30
              banyan hub token add ana --role fine-grained --allow acme/coder=write
            """) { user, name, role, allow, days }.On(async (arguments, accounts, cancellationToken) =>
        {
            var kind = arguments.GetRequiredValue(role) switch
            {
                "read" => TokenRole.Read,
                "write" => TokenRole.Write,
                _ => TokenRole.FineGrained
            };
            TokenScope[] scopes = [.. (arguments.GetValue(allow) ?? []).Select(Scope)];
            if (kind != TokenRole.FineGrained && scopes.Length > 0)
                throw new CommandException("--allow is for tokens with --role fine-grained");
            DateTimeOffset? end = arguments.GetValue(days) is { } n ? n > 0 ? TimeProvider.System.GetUtcNow().AddDays(n)
                : throw new CommandException($"--days {n}: at least 1") : null;
            Console.WriteLine(await accounts.AddTokenAsync(arguments.GetRequiredValue(user), arguments.GetRequiredValue(name), kind, scopes,
                end, cancellationToken));
        });
    }

    static TokenScope Scope(string text) =>
        text.Split('=') is [{ Length: > 0 } on, "read" or "write" or "admin"] parts
            ? new TokenScope(on, Enum.Parse<Right>(parts[1], ignoreCase: true))
            : throw new CommandException($"--allow {text}: expected WHERE=read, WHERE=write or WHERE=admin");

    static Command List()
    {
        var user = new Argument<string?>("USER") { Description = "only this user's", Arity = ArgumentArity.ZeroOrOne };
        var json = CommandParts.Json();
        return new Command("list", "List tokens: never their text.") { user, json }.On(async (arguments, accounts, cancellationToken) =>
            HubCommand.Print(await accounts.TokensAsync(arguments.GetValue(user), cancellationToken), arguments.GetValue(json),
                t => $"{t.Id,6} {t.User,-24} {t.Name,-24} {t.Role,-13} since {HubCommand.Date(t.CreatedAt)}, ends {HubCommand.Date(t.ExpiresAt)} {t.Scopes}"));
    }

    static Command Remove()
    {
        var id = new Argument<long>("ID") { Description = "the number that list shows" };
        return new Command("remove", "End a token at once.") { id }
            .On((arguments, accounts, cancellationToken) => accounts.RevokeTokenAsync(arguments.GetRequiredValue(id), cancellationToken));
    }
}
