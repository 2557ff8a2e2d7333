using System.Collections.Concurrent;
using Banyan.Server.Jobs;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Files;

/// <summary>Counts downloads in memory and adds them to the database at intervals, so that a download writes nothing.</summary>
sealed class Downloads(HubDatabase database, TimeProvider time) : Job
{
    /// <summary>Days that are kept of each repository.</summary>
    public const int DaysKept = 370;

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
            var today = DayOf(time.GetUtcNow());
            await database.WriteAsync(async t =>
            {
                var rows = counts.Select(c => new { repo = c.Repo, n = c.N, today, oldest = today - DaysKept });
                await t.ExecuteAsync("UPDATE repos SET downloads = downloads + @n WHERE id = @repo", rows);
                // A repository may be gone meanwhile.
                await t.ExecuteAsync(
                    """
                    INSERT INTO download_days (repo_id, day, downloads) SELECT id, @today, @n FROM repos WHERE id = @repo
                    ON CONFLICT (repo_id, day) DO UPDATE SET downloads = download_days.downloads + excluded.downloads
                    """, rows);
                await t.ExecuteAsync("DELETE FROM download_days WHERE repo_id = @repo AND day <= @oldest", rows);
            }, cancellationToken);
        }
        catch
        {
            foreach (var (repo, n) in counts)
                _counts.AddOrUpdate(repo, n, (_, more) => more + n);
            throw;
        }
    }

    /// <summary>Downloads of the last days, the oldest first and today last.</summary>
    public async Task<IReadOnlyList<long>> DaysAsync(long repo, int days, CancellationToken cancellationToken)
    {
        var first = DayOf(time.GetUtcNow()) - days + 1;
        var counts = new long[days];
        foreach (var (day, n) in await database.ReadAsync(c =>
            c.QueryAsync<(int, long)>("SELECT day, downloads FROM download_days WHERE repo_id = @repo AND day >= @first",
                new { repo, first }), cancellationToken))
            if (day - first < days)
                counts[day - first] = n;
        return counts;
    }

    static int DayOf(DateTimeOffset at) => (int)(at.ToUnixTimeSeconds() / 86_400);
}
