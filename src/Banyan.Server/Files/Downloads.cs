using System.Collections.Concurrent;
using Banyan.Server.Storage.Databases;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Files;

/// <summary>Counts downloads in memory and adds them up in the database now and then: a download writes nothing.</summary>
sealed partial class Downloads(HubDatabase database, TimeProvider time, ILogger<Downloads> log) : BackgroundService
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
                await TrySaveAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
        }
        await TrySaveAsync(CancellationToken.None);
    }

    /// <summary>A full disk or a database that is away for a while must not end the hub, as an exception of a service does.</summary>
    async Task TrySaveAsync(CancellationToken cancellationToken)
    {
        try
        {
            await SaveAsync(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            LogFailed(e.Message);
        }
    }

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

    [LoggerMessage(LogLevel.Warning, "Downloads could not be counted in the database now ({Reason}); they are later")]
    partial void LogFailed(string reason);
}
