using System.CommandLine;
using Banyan.Client;
using Banyan.Server.Accounts;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub repo list|move|remove</c>: any repository, whoever owns it.</summary>
static class RepoCommand
{
    public static Command Create() => new("repo", "List, move and remove repositories of any owner.") { List(), Move(), Remove() };

    /// <summary>The argument that names a repository.</summary>
    public static Argument<string> Repo(string name = "REPO") =>
        new(name) { Description = "owner/name, datasets/owner/name or spaces/owner/name" };

    static Command List()
    {
        var name = new Argument<string?>("NAMESPACE")
        {
            Description = "only those of this user or organization",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var json = CommandParts.Json();
        return new Command("list", "List repositories, private ones too.") { name,
            json }.OnHub(async (arguments, database, cancellationToken) =>
        {
            var owner = arguments.GetValue(name) is { } ns
                ? await NamespaceAsync(new AccountStore(database, TimeProvider.System), ns, cancellationToken) : null;
            HubCommand.Print(await new RepoChanges(database, TimeProvider.System).ListAsync(owner?.Id, cancellationToken),
                arguments.GetValue(json),
                r => $"{r.Path,-48} {(r.Private ? "private" : r.Gated is null ? "public" : "gated"),-8} changed {HubCommand.Date(r.UpdatedAt)}");
        });
    }

    static Command Move()
    {
        var (from, to) = (Repo("FROM"), new Argument<string>("TO") { Description = "the new namespace/name" });
        return new Command("move", """
            Give a repository another name or owner; the old name goes on leading to it

            Example:
              banyan hub repo move ben/coder acme/coder
            """) { from, to }.OnHub(async (arguments, database, cancellationToken) =>
        {
            var repo = await FindAsync(database, arguments.GetRequiredValue(from), cancellationToken);
            var target = arguments.GetRequiredValue(to);
            if (target.Split('/') is not [{ Length: > 0 } ns, { Length: > 0 } name])
                throw new CommandException($"'{target}' is no name of a repository: write owner/name");
            if (RepoChanges.NameProblem(name) is { } problem)
                throw new CommandException(problem);
            var owner = await NamespaceAsync(new AccountStore(database, TimeProvider.System), ns, cancellationToken);
            await MoveAsync(database, repo, owner, name, cancellationToken);
        });
    }

    static Command Remove()
    {
        var name = Repo();
        var yes = new Option<bool>("--yes") { Description = "Do not ask" };
        return new Command("remove", """
            Remove a repository with all it holds

            Example:
              banyan hub repo remove datasets/ben/code --yes
            """) { name, yes }.OnHub(async (arguments, database, cancellationToken) =>
        {
            var repo = await FindAsync(database, arguments.GetRequiredValue(name), cancellationToken);
            if (!arguments.GetValue(yes))
            {
                if (Console.IsInputRedirected)
                    throw new CommandException($"{repo.Path} would be gone for good: say --yes where nobody can be asked");
                Console.Error.Write($"{repo.Path} will be gone for good. Type its name to go on: ");
                if (Console.ReadLine()?.Trim() != repo.Path)
                    throw new CommandException("nothing was removed");
            }
            await new RepoChanges(database, TimeProvider.System).RemoveAsync(repo, cancellationToken);
        });
    }

    /// <summary>Moves all repositories of an account to another.</summary>
    /// <exception cref="CommandException">One of them cannot be moved; those before it are.</exception>
    public static async Task MoveAllAsync(HubDatabase database, Account from, Account to, CancellationToken cancellationToken)
    {
        foreach (var repo in await new RepoChanges(database, TimeProvider.System).ListAsync(from.Id, cancellationToken))
        {
            await MoveAsync(database, repo, to, repo.Name, cancellationToken);
            Console.WriteLine($"{repo.Path} is {to.Name}/{repo.Name} now");
        }
    }

    static async Task MoveAsync(HubDatabase database, Repo repo, Account owner, string name, CancellationToken cancellationToken)
    {
        if (!await new RepoChanges(database, TimeProvider.System).MoveAsync(repo, owner, name, null, cancellationToken))
            throw new CommandException(
                $"{owner.Name}/{name} is another repository: move {repo.Path} to another name with banyan hub repo move, then go on");
    }

    /// <summary>A user or organization.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public static async Task<Account> NamespaceAsync(AccountStore accounts, string name, CancellationToken cancellationToken) =>
        await accounts.FindAsync(name, cancellationToken) ?? throw new CommandException($"there is no user or organization '{name}'");

    /// <summary>The repository that a path names.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public static async Task<Repo> FindAsync(HubDatabase database, string path, CancellationToken cancellationToken)
    {
        var (type, name) = Parse(path);
        return await new RepoChanges(database, TimeProvider.System).FindAsync(type, name, cancellationToken)
            ?? throw new CommandException($"there is no {type.ToString().ToLowerInvariant()} '{name}': banyan hub repo list names all");
    }

    /// <summary>The type and full name of a path.</summary>
    /// <exception cref="CommandException">It is not a repository's path.</exception>
    public static (RepoType Type, string Name) Parse(string path) => path.Split('/') switch
    {
        ["datasets", var ns, var n] => (RepoType.Dataset, $"{ns}/{n}"),
        ["spaces", var ns, var n] => (RepoType.Space, $"{ns}/{n}"),
        ["models", var ns, var n] => (RepoType.Model, $"{ns}/{n}"),
        [var ns, var n] => (RepoType.Model, $"{ns}/{n}"),
        _ => throw new CommandException($"'{path}' is no name of a repository: write owner/name, datasets/owner/name or spaces/owner/name"),
    };

    /// <summary>The API's word for a type.</summary>
    public static string Word(RepoType type) => type.ToString().ToLowerInvariant();
}
