using Banyan.Client.Pull;
using Banyan.Client.Transfers;

namespace Banyan.Client;

/// <summary>
/// Downloads files of a repo.
/// <code>
/// 1  revision ──► commit ──► its files          two requests, more for thousands of files
/// 2  which are here already?                    in the cache, or unchanged in the folder
/// 3  the others, several requests at a time     chunks or byte ranges; what is on this disk is not fetched
/// 4  verify, then make visible                  SHA-256 or git object id of the whole file
/// </code>
/// An interrupted pull resumes inside the files.
/// </summary>
public sealed class Puller(HubClient hub)
{
    /// <summary>Pulls.</summary>
    /// <param name="request">What and where.</param>
    /// <param name="progress">Called several times a second, or null.</param>
    /// <param name="cancellationToken">Cancels the work; what was received is kept.</param>
    /// <exception cref="HubClientException">The hub does not have it, refuses, or stops responding.</exception>
    public async Task<PullResult> PullAsync(PullRequest request, IProgress<TransferProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        // :: Step 1
        var commit = await hub.CommitOfAsync(request.Repo, request.Revision, cancellationToken);
        var all = await hub.ListAsync(request.Repo, commit, cancellationToken);
        var files = all.Where(f => request.Wants(f.Path)).ToList();
        if (request.Files.FirstOrDefault(f => !all.Any(a => (request with { Files = [f] }).Wants(a.Path))) is { } missing)
        {
            if (!missing.AsSpan().ContainsAny('*', '?') && Hub.RepoPaths.IsSafe(missing) && request.Folder is null)
                request.Cache.SetMissing(request.Repo, commit, missing);
            throw new HubClientException(HubProblem.FileNotFound,
                $"{request.Repo}@{request.Revision} has no file '{missing}'; it has {Some(all)}");
        }

        PullTarget target = request.Folder is { } folder ? new FolderTarget(folder, commit, hub.Options.StateFolder)
            : new CacheTarget(request.Cache, request.Repo, request.Revision, commit);
        using var pull = new FileDownloads(hub, request, commit, target, files);
        using var ticking = Ticker.Start(progress, pull.Progress);
        var pulled = await pull.RunAsync(cancellationToken);
        if (pulled.Count == files.Count)
            target.Finish();
        ticking.Dispose();
        return new PullResult(commit, target.Folder, pulled, pulled.Count == files.Count,
            files.Sum(f => f.Size) - pull.Progress().BytesDone);
    }

    static string Some(IReadOnlyList<RepoFile> files) => files.Count switch
    {
        0 => "no files at all",
        <= 12 => string.Join(", ", files.Select(f => f.Path)),
        _ => string.Join(", ", files.Take(12).Select(f => f.Path)) + $" and {files.Count - 12} more",
    };
}
