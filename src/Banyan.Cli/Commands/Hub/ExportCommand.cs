using System.CommandLine;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub export REPO FOLDER</c>: a repository of the hub as a bare git repository with its large files.</summary>
sealed class ExportCommand : Command
{
    readonly Argument<string> _source = RepoCommand.Repo();
    readonly Argument<string> _target = new("FOLDER") { Description = "a new folder, or one of an earlier export, which gets what is new" };
    readonly Option<bool> _noLarge = new("--no-large-files") { Description = "Leave git-lfs's files out" };
    readonly HubChoice _hub;

    public ExportCommand() : base("export", """
        Write a repository as a bare git repository, with its large files where git-lfs has them

        Any git clones from the folder, and banyan hub import takes it. Said again, it goes on where it was interrupted.

        Examples:
          banyan hub export lab/coder /backup/coder.git
          git clone /backup/coder.git && cd coder && git lfs pull
        """)
    {
        this.AddAll(_source, _target, _noLarge);
        _hub = new HubChoice(this);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var options = _hub.Options(arguments);
        var folder = Path.GetFullPath(arguments.GetRequiredValue(_target));
        if (File.Exists(folder) || Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()
            && !File.Exists(Path.Combine(folder, "HEAD")))
            throw new CommandException($"{folder} is there and no bare git repository: name a new folder");
        string name;
        Banyan.Server.Repos.Repo repo;
        await using (var place = HubPlace.Open(_hub, arguments))
            repo = await RepoCommand.FindAsync(place.Database, arguments.GetRequiredValue(_source), cancellationToken);
        name = repo.FullName;
        await using var served = await ServedHub.StartAsync(options, name.Split('/')[0], cancellationToken);
        var url = served.Url(repo.Type, name);
        Directory.CreateDirectory(folder);
        if (await served.GitAsync(folder, ["init", "-q", "--bare", $"--initial-branch={repo.DefaultBranch}"], cancellationToken) != 0
            || await served.GitAsync(folder, ["fetch", "--prune", url, "+refs/*:refs/*"], cancellationToken) != 0)
            throw new CommandException(
                $"git did not write all of {name} (above is why). Fix that and repeat the command: it resumes.");
        if (!arguments.GetValue(_noLarge))
        {
            if (await served.GitAsync(folder, ["lfs", "version"], cancellationToken) != 0)
                throw new CommandException("git-lfs is not installed, which brings large files: install it, or say --no-large-files");
            if (await served.GitAsync(folder,
                ["-c", $"remote.banyan-export.url={url}", "lfs", "fetch", "--all", "banyan-export"], cancellationToken) != 0)
                throw new CommandException(
                    $"git-lfs did not write all large files of {name} (above is why). Fix that and repeat the command: it resumes.");
        }
        Console.WriteLine(folder);
        return 0;
    }
}
