using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Banyan.Cli.Hubs;
using Banyan.Client;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan push DIR REPO</c>: a folder becomes a commit on a hub.</summary>
sealed class Push : Command
{
    readonly Argument<string> _source = new("DIR") { Description = "The folder or file" };
    readonly RemoteHub _hub;
    readonly Option<bool> _isPrivate = new("--private") { Description = "A repo that is made is private" };
    readonly Option<string> _message = new("--message", "-m")
    {
        Description = "What the commit says",
        DefaultValueFactory = _ => new PushRequest("", new(RepoType.Model, "")).Message,
    };
    readonly Option<string> _revision = new("--revision")
    {
        Description = "The branch; made where it is missing",
        DefaultValueFactory = _ => "main",
    };
    readonly Option<bool> _noChunks = new("--no-chunks") { Description = "Send whole files even where the hub takes chunks" };
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object at the end");

    public Push() : base("push", """
        Bring a folder, or one file, to a hub: one commit, and the repo is made where it is missing

        Sends only chunks that the hub does not have: of earlier versions, of other models, of a push that was interrupted.
        The access token comes from the variable HF_TOKEN, or from the file that other tools save at login.

        Examples:
          banyan push ./my-model my-name/my-model
          banyan push ./data datasets/my-lab/corpus --private --message "March 2026"
          HF_TOKEN=hf_… banyan push model.gguf my-name/my-model --hub https://huggingface.co
        """)
    {
        this.AddAll(_source);
        _hub = new RemoteHub(this);
        this.AddAll(_hub.Repo, _isPrivate, _message, _revision, _noChunks, _json);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var (repo, at) = _hub.ReadRepo(arguments);
        var request = new PushRequest(arguments.GetRequiredValue(_source), repo)
        {
            Revision = at ?? arguments.GetRequiredValue(_revision),
            Private = arguments.GetValue(_isPrivate),
            Message = arguments.GetRequiredValue(_message),
            UseChunks = !arguments.GetValue(_noChunks),
        };
        using var client = new HubClient(_hub.Read(arguments));
        var began = Stopwatch.GetTimestamp();
        PushResult result;
        try
        {
            result = await TransferView.RunAsync(repo.ToString(), arguments.GetValue(_json),
                progress => new Pusher(client).PushAsync(request, progress, cancellationToken));
        }
        catch (ArgumentException e)
        {
            throw new CommandException(e.Message);
        }
        if (arguments.GetValue(_json))
            Console.Out.WriteLine(new JsonObject
            {
                ["repo"] = repo.ToString(),
                ["revision"] = request.Revision,
                ["commit"] = result.Commit,
                ["url"] = result.CommitUrl,
                ["files"] = result.Files,
                ["changed"] = result.Changed,
                ["bytes"] = result.Bytes,
                ["bytes_uploaded"] = result.Uploaded,
                ["bytes_sent"] = client.BytesSent,
                ["bytes_received"] = client.BytesReceived,
            }.ToJsonString());
        else
        {
            await Console.Error.WriteLineAsync(result.Commit is null
                ? $"{TransferView.Files(result.Files)}: the hub has them all like this, nothing was committed"
                : $"{TransferView.Files(result.Changed)} of {result.Files} changed, {Sizes.Bytes(result.Bytes)}; {Sizes.Bytes(client.BytesSent)} went over the network in {TransferView.Time(began)}");
            if (result.Commit is not null)
                await Console.Out.WriteLineAsync(result.CommitUrl ?? result.Commit);
        }
        return 0;
    }
}
