using Banyan.Client;
using Banyan.Training.Data;

namespace Banyan.Cli.Hubs;

/// <summary>Training data named by its repo: pulled from the configured hub if it is not on this machine.</summary>
static class DataPull
{
    /// <summary>The path of the data: a file or folder as it is; for <c>owner/name[@revision][:file or folder]</c>, the data files of that
    /// data set repo. If the hub does not answer, what was pulled before is used.</summary>
    /// <exception cref="CommandException">It does not exist.</exception>
    public static async Task<PulledThing> FindAsync(string data, CancellationToken cancellationToken)
    {
        if (File.Exists(data) || Directory.Exists(data))
            return new(data);
        var (text, which) = data.IndexOf(':') is var colon and > 0 ? (data[..colon], data[(colon + 1)..].Trim('/')) : (data, null);
        if (!text.Contains('/') || Path.IsPathRooted(text) || text.StartsWith('.') || Preparation.IsData(text)
            || !RepoId.TryParse(text, RepoType.Dataset, out var repo, out var revision))
            throw new CommandException(
                $"there is no file or folder '{data}' to learn from: give a path, or a data set on the hub like owner/name or owner/name:train.parquet");
        using var hub = new HubClient(ModelPull.Options());
        var request = new PullRequest(repo) { Revision = revision ?? "main" };
        try
        {
            var commit = await hub.CommitOfAsync(repo, request.Revision, cancellationToken);
            var all = await hub.ListAsync(repo, commit, cancellationToken);
            var names = Choose(repo, [.. all.Select(f => f.Path)], which);
            var result = await TransferView.RunAsync(repo.ToString(), quiet: false,
                progress => new Puller(hub).PullAsync(request with { Files = names, Revision = commit }, progress, cancellationToken));
            return new(which is null ? result.Folder : Path.Combine(result.Folder, which), repo, commit, which);
        }
        catch (HubClientException e) when (e.Problem == HubProblem.Unreachable)
        {
            var commit = request.Cache.CommitOf(repo, request.Revision);
            var path = commit is null ? null : Path.Combine(request.Cache.Snapshot(repo, commit), which ?? "");
            if (path is null || !File.Exists(path) && !Directory.Exists(path))
                throw new CommandException(
                    $"there is no file or folder '{data}' here, and {hub.Options.Endpoint.Authority} does not answer: give the path of the data, or name a hub with the variable HF_ENDPOINT");
            await Console.Error.WriteLineAsync($"{hub.Options.Endpoint.Authority} does not answer: using what was pulled before");
            return new(path, repo, commit, which);
        }
    }

    static IReadOnlyList<string> Choose(RepoId repo, IReadOnlyList<string> all, string? which)
    {
        var below = which is null ? all : [.. all.Where(f => f == which || f.StartsWith(which + "/", StringComparison.Ordinal))];
        var names = below is [var one] && one == which && Preparation.IsData(one) ? below
            : [.. Preparation.Choose([.. below.Select(f => which is null || f == which ? f : f[(which.Length + 1)..])])
                .Select(f => which is null || below.Contains(f) ? f : $"{which}/{f}")];
        if (names.Count > 0)
            return names;
        var data = all.Where(Preparation.IsData).ToList();
        throw new CommandException(which is null || data.Count == 0
            ? $"{repo} has no data that is read here: .jsonl, .json, .parquet, .txt or .md"
            : $"{repo} has no data '{which}'; it has {string.Join(", ", data.Take(8))}{(data.Count > 8 ? $" and {data.Count - 8} more" : "")}");
    }
}
