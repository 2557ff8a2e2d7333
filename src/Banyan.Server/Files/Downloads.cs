using System.Collections.Concurrent;
using Banyan.Server.Storage.Databases;
using Microsoft.Extensions.Hosting;

namespace Banyan.Server.Files;

/// <summary>Counts downloads in memory and adds them up in the database now and then: a download writes nothing.</summary>
sealed class Downloads(HubDatabase database, TimeProvider time) : BackgroundService
{
    static readonly TimeSpan s_every = TimeSpan.FromMinutes(1);

    readonly ConcurrentDictionary<long, long> _counts = new();

    public void Count(long repo) => _counts.AddOrUpdate(repo, 1, static (_, n) => n + 1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await SaveAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
        }
        await SaveAsync(CancellationToken.None);
    }

    /// <summary>Adds what was counted to the repositories' rows.</summary>
    public async Task SaveAsync(CancellationToken cancellationToken)
    {
        var counts = new List<(long Repo, long N)>();
        foreach (var repo in _counts.Keys)
            if (_counts.TryRemove(repo, out var n))
                counts.Add((repo, n));
        if (counts.Count > 0)
            await database.WriteAsync(
                t => t.ExecuteAsync("UPDATE repos SET downloads = downloads + @n WHERE id = @repo", counts.Select(c => new { repo = c.Repo, n = c.N })), cancellationToken);
    }
}
