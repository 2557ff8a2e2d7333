using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Lfs;

/// <summary>Removes parts of uploads that nobody completed.</summary>
sealed partial class PartSweep(IObjectStore objects, HubDatabase database, TimeProvider time, ILogger<PartSweep> log) : BackgroundService
{
    /// <summary>How long parts wait; longer than their addresses hold.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromDays(7), s_every = TimeSpan.FromHours(6);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_every, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // A store's time limit comes as a cancellation too, and must not end the hub.
                LogFailed(log, e);
            }
        }
    }

    /// <summary>Sweeps once.</summary>
    /// <returns>How many parts were removed.</returns>
    public async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var removed = 0;
        await foreach (var part in objects.ListAsync(PartObjects.Folder, cancellationToken))
            if (time.GetUtcNow() - part.Modified > s_patience && await objects.DeleteAsync(part.Key, cancellationToken))
            {
                await database.WriteAsync(t => StorageLimits.WentAsync(database, t, [part.Key]), cancellationToken);
                removed++;
            }
        return removed;
    }

    [LoggerMessage(LogLevel.Warning, "Parts of old uploads could not be removed; the next round tries again")]
    static partial void LogFailed(ILogger log, Exception exception);
}
