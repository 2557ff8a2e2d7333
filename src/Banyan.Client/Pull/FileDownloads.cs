using System.Collections.Concurrent;
using Banyan.Client.Cache;
using Banyan.Client.Xet;

namespace Banyan.Client.Pull;

/// <summary>All files of one pull, several at a time, over a bounded number of requests.</summary>
sealed class FileDownloads(HubClient hub, PullRequest request, string commit, PullTarget target, IReadOnlyList<RepoFile> files)
    : IDisposable
{
    readonly ConcurrentDictionary<string, PulledFile> _pulled = [];
    readonly ConcurrentDictionary<string, PartialFile> _open = [];
    readonly Lazy<Recipes> _recipes = new(() => Recipes.Load(Recipes.In(hub.Options.StateFolder)));
    long _whole, _reused;

    public HubClient Hub => hub;
    public PullRequest Request => request;
    public string Commit => commit;

    /// <summary>One per request in flight.</summary>
    public SemaphoreSlim Slots { get; } = new(request.Parallel);

    public CasClient Cas { get; } = new(hub, request.Repo, commit, write: false);

    /// <summary>Known chunks of files on this disk.</summary>
    public Recipes Recipes => _recipes.Value;

    /// <summary>Set when something exceeded the budget.</summary>
    public bool BudgetReached { get; set; }

    public void CountReused(long bytes) => Interlocked.Add(ref _reused, bytes);

    public TransferProgress Progress() => new(
        files.Count, _pulled.Count, files.Sum(f => f.Size), Interlocked.Read(ref _whole) + _open.Values.Sum(o => o.Done),
        Interlocked.Read(ref _reused));

    /// <summary>Pulls all; returns the complete files, in the repo's order.</summary>
    public async Task<List<PulledFile>> RunAsync(CancellationToken cancellationToken)
    {
        // Two files with the same bytes are one blob: the second finds it there.
        var groups = request.Folder is null ? files.GroupBy(f => f.ETag).ToList() : files.GroupBy(f => f.Path).ToList();
        await Parallel.ForEachAsync(groups,
            new ParallelOptions { MaxDegreeOfParallelism = request.Parallel, CancellationToken = cancellationToken },
            async (group, token) =>
        {
            foreach (var file in group)
                await PullAsync(file, token);
        });
        return [.. files.Where(f => _pulled.ContainsKey(f.Path)).Select(f => _pulled[f.Path])];
    }

    async Task PullAsync(RepoFile file, CancellationToken cancellationToken)
    {
        if (await target.IsThereAsync(file, cancellationToken))
        {
            Done(file, wasHere: true);
            return;
        }
        using var alone = await FileLock.TakeAsync(target.LockOf(file), cancellationToken);
        if (await target.IsThereAsync(file, cancellationToken))   // another process was faster
        {
            Done(file, wasHere: true);
            return;
        }
        var download = new FileDownload(this, file);
        using (var part = PartialFile.Open(target.PartOf(file), file.Size, cancellationToken))
        {
            CountReused(part.Done);
            _open[file.Path] = part;
            if (!await download.RunAsync(part, cancellationToken))
                return;
            target.Place(file, part);
            _open.TryRemove(file.Path, out _);
            Done(file, wasHere: false);
        }
        download.Remember(target.PathOf(file));
    }

    void Done(RepoFile file, bool wasHere)
    {
        _pulled[file.Path] = new PulledFile(file, target.PathOf(file), wasHere);
        Interlocked.Add(ref _whole, file.Size);
        if (wasHere)
            CountReused(file.Size);
    }

    public void Dispose()
    {
        Slots.Dispose();
        Cas.Dispose();
    }
}
