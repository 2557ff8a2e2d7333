using System.CommandLine;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Banyan.Client;
using Banyan.Server.Repos;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub import URL|FOLDER REPO</c>: imports a git repository with its large files into the hub.</summary>
sealed class ImportCommand : Command
{
    readonly Argument<string> _source = new("SOURCE")
    {
        Description = "the address of a git repository, or a folder: a clone or a bare repository, with git-lfs's files in it",
    };
    readonly Argument<string> _target = RepoCommand.Repo();
    readonly Option<bool> _isPrivate = new("--private") { Description = "A repository that is made is private" };
    readonly Option<bool> _force = new("--force")
    {
        Description = "Move branches and tags of a repository that is there, also where its history is another",
    };
    readonly HubChoice _hub;

    public ImportCommand() : base("import", """
        Bring a git repository with all branches, tags and large files to the hub

        Works beside a hub that runs, or without it, by the programs git and git-lfs. What is brought is checked as a push is.
        Said again, it goes on where it was interrupted, and brings what is new.

        Examples:
          banyan hub import https://git.example.org/lab/coder.git lab/coder
          banyan hub import /backup/corpus.git datasets/lab/corpus --private
        """)
    {
        this.AddAll(_source, _target, _isPrivate, _force);
        _hub = new HubChoice(this);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var options = _hub.Options(arguments);
        var (from, (type, name)) = (arguments.GetRequiredValue(_source), RepoCommand.Parse(arguments.GetRequiredValue(_target)));
        var isFolder = Directory.Exists(from);
        if (!isFolder
            && (from.StartsWith('-') || !Uri.TryCreate(from, UriKind.Absolute, out var uri)
                || uri.Scheme is not ("http" or "https" or "ssh" or "git")))
            throw new CommandException($"'{from}' is no folder that is there, and no address: write https://…, ssh://… or git://…");
        await using (HubPlace.Open(_hub, arguments)) { }
        await using var served = await ServedHub.StartAsync(options, name.Split('/')[0], cancellationToken);
        var folder = isFolder ? Path.GetFullPath(from)
            : Path.Combine(options.DataFolder, "import", $"{RepoCommand.Word(type)}-{name.Replace('/', '-')}.git");
        if (!isFolder)
            await FetchAsync(served, from, folder, cancellationToken);
        var isNew = await PrepareAsync(served, type, name, arguments.GetValue(_isPrivate), cancellationToken);
        Console.Error.WriteLine($"Bringing it to {name}…");
        var url = served.Url(type, name);
        // Large files first: a commit that names one is taken when it is there.
        var hasLfs = await served.GitAsync(folder, ["lfs", "version"], cancellationToken) == 0;
        if (hasLfs && await served.GitAsync(folder,
            ["-c", $"remote.banyan-import.url={url}", "lfs", "push", "--all", "banyan-import"], cancellationToken) != 0)
            throw new CommandException(
                "git-lfs did not bring all large files (above is why): git lfs fetch --all in the source may be missing; then repeat the command: it resumes");
        if (await served.GitAsync(folder,
            ["push", .. isNew || arguments.GetValue(_force) ? ["--force"] : Array.Empty<string>(), url, "refs/heads/*:refs/heads/*",
                "refs/tags/*:refs/tags/*"], cancellationToken) != 0)
            throw new CommandException(
                $"git did not bring all of it (above is why){(hasLfs ? "" : "; git-lfs is not installed, which brings large files")}. Fix that and repeat the command: it resumes.");
        if (!isFolder)
            Directory.Delete(folder, recursive: true);
        Console.WriteLine(new RepoId(type, name));
        return 0;
    }

    /// <summary>Creates the repository if it does not exist.</summary>
    /// <returns>Whether it is empty.</returns>
    static async Task<bool> PrepareAsync(ServedHub served, RepoType type, string name, bool isPrivate, CancellationToken cancellationToken)
    {
        using var client = served.Client();
        var (owner, own) = (name.Split('/')[0], name.Split('/')[1]);
        using var made = await client.PostAsJsonAsync(
            "/api/repos/create",
            new
            {
                name = own,
                organization = owner,
                type = RepoCommand.Word(type),
                @private = isPrivate,
                sdk = type == RepoType.Space ? "static" : null
            }, cancellationToken);
        if (!made.IsSuccessStatusCode && made.StatusCode != HttpStatusCode.Conflict)
            throw new CommandException($"{name} cannot be made: {await made.Content.ReadAsStringAsync(cancellationToken)}");
        var commits =
            await client.GetFromJsonAsync<JsonElement>($"/api/{RepoCommand.Word(type)}s/{name}/commits/main?limit=2", cancellationToken);
        return commits.GetArrayLength() <= 1;
    }

    static async Task FetchAsync(ServedHub served, string from, string folder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        Console.Error.WriteLine($"Fetching {from}…");
        if (await served.GitAsync(folder, ["init", "-q", "--bare"], cancellationToken) != 0
            || await served.GitAsync(folder,
                ["-c", $"remote.origin.url={from}", "fetch", "--prune", "origin", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"],
                cancellationToken) != 0)
            throw new CommandException(
                $"{from} could not be fetched (above is why). Fix that and repeat the command: it resumes.");
        if (await served.GitAsync(folder, ["lfs", "version"], cancellationToken) == 0
            && await served.GitAsync(folder, ["-c", $"remote.origin.url={from}", "lfs", "fetch", "--all", "origin"], cancellationToken)
            != 0)
            throw new CommandException(
                $"the large files of {from} could not be fetched (above is why). Fix that and repeat the command: it resumes.");
    }
}
