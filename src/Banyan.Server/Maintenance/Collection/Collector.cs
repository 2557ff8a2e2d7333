using Banyan.Server.Git.Packs.Kept;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Maintenance.Collection;

/// <summary>
/// Removes what is unreachable and can no longer be referred to. Safe alongside everything else, including other collections: each step is
/// a small transaction that looks again before it removes, and what was begun is finished by the next collection.
/// <code>
/// 1  xorbs           that an interrupted collection left half-removed
/// 2  git objects     that no ref has led to for the grace period; those that lead to others go before them
/// 3  uploads         that no small file of the repository names, and were sent longer ago than that
/// 4  large files     that no repository has had for the grace period
/// 5  xorbs           that no large file needs, and nobody was told of lately (keep_until)
/// 6  objects         that have no row, older than the grace period
/// </code>
/// </summary>
public sealed class Collector(HubDatabase database, IObjectStore objects, TimeProvider time)
{
    /// <summary>Collects once.</summary>
    /// <param name="options">What it may do.</param>
    /// <param name="progress">Receives each step.</param>
    /// <param name="cancellationToken">Ends it after the transaction under way; nothing is lost.</param>
    public async Task<CollectionReport> RunAsync(CollectionOptions options, Action<string>? progress, CancellationToken cancellationToken)
    {
        var report = new CollectionReport();
        var now = time.GetUtcNow();
        var since = (now - options.Grace).ToUnixTimeMilliseconds();
        var xorbs = new XorbCollection(database, objects, options, report);

        progress?.Invoke("git objects");
        var git = new GitCollection(database, new KeptPacks(database, time), options, report);
        await foreach (var repo in Pages.ReposAsync(database, cancellationToken))
            await git.RunAsync(repo, now.ToUnixTimeMilliseconds(), since, cancellationToken);

        progress?.Invoke("large files");
        await new ContentCollection(database, options, report).RunAsync(now.ToUnixTimeMilliseconds(), since, cancellationToken);

        progress?.Invoke("stored objects");
        if (!options.DryRun)
            await xorbs.FinishAsync(cancellationToken);
        await xorbs.RunAsync(now.ToUnixTimeMilliseconds(), cancellationToken);
        progress?.Invoke("objects without a row");
        await xorbs.RunOrphansAsync(now, cancellationToken);
        return report;
    }

    /// <summary>Finishes what an interrupted collection began: uploads of the same bytes wait for it.</summary>
    public Task FinishAsync(CancellationToken cancellationToken) =>
        new XorbCollection(database, objects, new CollectionOptions(), new CollectionReport()).FinishAsync(cancellationToken);
}
