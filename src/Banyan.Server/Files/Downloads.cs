using System.Collections.Concurrent;
using Banyan.Server.Jobs;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Files;

/// <summary>Counts downloads in memory and adds them up in the database now and then: a download writes nothing.</summary>
sealed class Downloads(HubDatabase database) : Job
{
    readonly ConcurrentDictionary<long, long> _counts = new();

    /// <inheritdoc/>
    public override string Name => "downloads";

    /// <inheritdoc/>
    public override string Purpose => "Adds up the downloads that this node counted";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    public override bool IsOfEachNode => true;

    public void Count(long repo) => _counts.AddOrUpdate(repo, 1, static (_, n) => n + 1);

    /// <inheritdoc/>
    public override Task RunAsync(JobRun run, CancellationToken cancellationToken) => SaveAsync(cancellationToken);

    /// <inheritdoc/>
    public override Task EndAsync() => SaveAsync(CancellationToken.None);

    /// <summary>Adds what was counted to the repositories' rows; what cannot be added now is kept for the next time.</summary>
    public async Task SaveAsync(CancellationToken cancellationToken)
    {
        var counts = new List<(long Repo, long N)>();
        foreach (var repo in _counts.Keys)
            if (_counts.TryRemove(repo, out var n))
                counts.Add((repo, n));
        if (counts.Count == 0)
            return;
        try
        {
            await database.WriteAsync(
                t => t.ExecuteAsync("UPDATE repos SET downloads = downloads + @n WHERE id = @repo", counts.Select(c => new { repo = c.Repo, n = c.N })), cancellationToken);
        }
        catch
        {
            foreach (var (repo, n) in counts)
                _counts.AddOrUpdate(repo, n, (_, more) => more + n);
            throw;
        }
    }
}
