using System.CommandLine;
using Banyan.Client;

namespace Banyan.Cli.Hubs;

/// <summary>The options for connecting to a hub, the same for <c>pull</c> and <c>push</c>.</summary>
sealed class RemoteHub
{
    readonly Argument<string> _repo = new("REPO")
    {
        Description = "owner/name, datasets/owner/name or spaces/owner/name; for pull also with @branch, @tag or @commit",
    };
    readonly Option<string?> _hub = new("--hub")
    {
        Description = "The hub's address (default: the variable HF_ENDPOINT, or http://localhost:8080)",
        HelpName = "URL",
    };
    readonly Option<string> _type = new("--type") { Description = "model, dataset or space", DefaultValueFactory = _ => "model" };
    readonly Option<string?> _maxSpeed = new("--max-speed")
    {
        Description = "Leave the rest of the link to others, e.g. 2MB/s",
        HelpName = "SPEED",
    };

    /// <summary>Adds its options to a command; the caller places <see cref="Repo"/>.</summary>
    public RemoteHub(Command command)
    {
        _type.AcceptOnlyFromAmong("model", "dataset", "space");
        command.AddAll(_hub, _type, _maxSpeed);
    }

    /// <summary>The argument.</summary>
    public Argument<string> Repo => _repo;

    /// <summary>The hub, the token and the speed limit.</summary>
    public HubClientOptions Read(ParseResult arguments)
    {
        try
        {
            return HubClientOptions.FromEnvironment(arguments.GetValue(_hub)) with
            {
                Waits = TransferView.Say,
                MaxSpeed = arguments.GetValue(_maxSpeed) is { } speed ? ByteAmount.Parse("--max-speed", speed) : null,
            };
        }
        catch (ArgumentException e)
        {
            throw new CommandException(e.Message);
        }
    }

    /// <summary>The repo and revision.</summary>
    public (RepoId Repo, string? Revision) ReadRepo(ParseResult arguments)
    {
        var text = arguments.GetRequiredValue(_repo);
        return RepoId.TryParse(text, Enum.Parse<RepoType>(arguments.GetRequiredValue(_type), ignoreCase: true),
            out var repo, out var revision)
            ? (repo, revision)
            : throw new CommandException($"'{text}' is no repo: write owner/name, like banyan/sprout");
    }
}
