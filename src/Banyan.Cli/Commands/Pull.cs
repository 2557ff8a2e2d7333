using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Banyan.Cli.Hubs;
using Banyan.Client;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan pull REPO [FILE…]</c>: files of a repo, into the cache that other tools share or into a folder.</summary>
sealed class Pull : Command
{
    const int BudgetReached = 3;

    readonly RemoteHub _hub;
    readonly Argument<string[]> _files = new("FILE")
    {
        Description = "Names or patterns (*, ?, folder/) of files; all without",
        Arity = ArgumentArity.ZeroOrMore,
    };
    readonly Option<string?> _to = new("--to") { Description = "A folder for the files, instead of the cache", HelpName = "DIR" };
    readonly Option<string?> _maxBytes = new("--max-bytes")
    {
        Description = "Stop before more than this has passed over the link, both directions together, e.g. 500MB",
        HelpName = "AMOUNT",
    };
    readonly Option<int> _jobs = new("--jobs", "-j") { Description = "Requests at a time", DefaultValueFactory = _ => 8 };
    readonly Option<bool> _noChunks = new("--no-chunks") { Description = "Fetch whole files even where the hub offers chunks" };
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object at the end");

    public Pull() : base("pull", """
        Bring a repo's files here, from any hub that speaks the Hugging Face API

        Continues inside a file after any interruption, takes chunks that are on this disk from there, and checks every file
        before it becomes visible. Files go to the cache that other tools use too (HF_HUB_CACHE, HF_HOME), or to a folder.
        The folder is printed at the end. Exit codes: 0 everything is here, 3 the limit of --max-bytes is reached, 1 failed.

        Examples:
          banyan pull banyan/sprout
          banyan pull Qwen/Qwen2.5-0.5B-Instruct-GGUF "*q4_k_m.gguf" --hub https://huggingface.co
          banyan pull datasets/owner/name@v1.0 --to ./data
          banyan pull owner/big-model --max-bytes 500MB --max-speed 2MB/s     again tomorrow: it continues
        """)
    {
        _hub = new RemoteHub(this);
        this.AddAll(_hub.Repo, _files, _to, _maxBytes, _jobs, _noChunks, _json);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var (repo, revision) = _hub.ReadRepo(arguments);
        if (arguments.GetValue(_jobs) is var wrong && wrong is < 1 or > 64)
            throw new CommandException($"--jobs {wrong}: 1 to 64");
        var request = new PullRequest(repo)
        {
            Revision = revision ?? "main",
            Files = arguments.GetValue(_files) ?? [],
            Folder = arguments.GetValue(_to),
            Parallel = arguments.GetValue(_jobs),
        };
        if (arguments.GetValue(_noChunks))
            request = request with { UseChunks = false };
        using var client =
            new HubClient(_hub.Read(arguments)
                with
            { MaxBytes = arguments.GetValue(_maxBytes) is { } amount ? ByteAmount.Parse("--max-bytes", amount) : null });
        var began = Stopwatch.GetTimestamp();
        var result = await TransferView.RunAsync(repo.ToString(), arguments.GetValue(_json),
            progress => new Puller(client).PullAsync(request, progress, cancellationToken));
        if (arguments.GetValue(_json))
            Console.Out.WriteLine(Report(repo, request, client, result).ToJsonString());
        else
        {
            await Console.Error.WriteLineAsync(result.IsComplete
                ? $"{TransferView.Files(result.Files.Count)}, {Sizes.Bytes(result.Files.Sum(f => f.File.Size))}; {Sizes.Bytes(client.BytesReceived)} came over the network in {TransferView.Time(began)}"
                : $"stopped after {Sizes.Bytes(client.BytesReceived + client.BytesSent)} as --max-bytes says; {Sizes.Bytes(result.Left)} are left: run the same command again to continue");
            if (result.IsComplete)
                await Console.Out.WriteLineAsync(result.Folder);
        }
        return result.IsComplete ? 0 : BudgetReached;
    }

    static JsonObject Report(RepoId repo, PullRequest request, HubClient client, PullResult result) => new()
    {
        ["repo"] = repo.ToString(),
        ["revision"] = request.Revision,
        ["commit"] = result.Commit,
        ["folder"] = result.Folder,
        ["complete"] = result.IsComplete,
        ["bytes_left"] = result.Left,
        ["bytes_received"] = client.BytesReceived,
        ["bytes_sent"] = client.BytesSent,
        ["files"] =
            new JsonArray(
                [.. result.Files.Select(f => new JsonObject { ["path"] = f.File.Path, ["size"] = f.File.Size, ["local_path"] = f.LocalPath,
                    ["was_here"] = f.WasHere })]),
    };
}
