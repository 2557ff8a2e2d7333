using System.Diagnostics.Metrics;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Operating;

/// <summary>What a hub holds, for <see cref="Metrics"/>: counted once a minute at most, however often it is asked.</summary>
sealed class HubGauges : IDisposable
{
    static readonly TimeSpan s_kept = TimeSpan.FromMinutes(1);

    readonly Meter _meter = new("Banyan.Server");
    readonly HubDatabase _database;
    readonly StorageLimits _limits;
    readonly TimeProvider _time;
    (long? At, long Repos, long Users, long Files, long FileBytes, long Unlisted) _counted;

    public HubGauges(HubDatabase database, StorageLimits limits, TimeProvider time)
    {
        (_database, _limits, _time) = (database, limits, time);
        _meter.CreateObservableGauge("banyan.hub.repositories", () => _counted.Repos, description: "Repositories.");
        _meter.CreateObservableGauge("banyan.hub.accounts", () => _counted.Users, description: "Users and organizations.");
        _meter.CreateObservableGauge("banyan.hub.large_files", () => _counted.Files, description: "Large files, each counted once.");
        _meter.CreateObservableGauge("banyan.hub.large_files.size", () => _counted.FileBytes, "By",
            "Bytes of large files before they are stored together.");
        _meter.CreateObservableGauge("banyan.hub.unlisted", () => _counted.Unlisted,
            description: "Repositories that lists and search have not read since they changed.");
        _meter.CreateObservableGauge("banyan.hub.disk.free", () => _limits.FreeSpace, "By", "Free bytes of the disk that the hub is on.");
    }

    /// <summary>Counts again, where that is due.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        if (_counted.At is { } at && _time.GetElapsedTime(at) < s_kept)
            return;
        _counted = await _database.ReadAsync(
            async c =>
            {
                Task<long> Count(string sql) => c.ExecuteScalarAsync<long>(sql);
                return ((long?)_time.GetTimestamp(), await Count("SELECT COUNT(*) FROM repos"),
                    await Count("SELECT COUNT(*) FROM accounts"), await Count("SELECT COUNT(*) FROM contents"),
                    await Count("SELECT COALESCE(SUM(size), 0) FROM contents"), await Count("SELECT COUNT(*) FROM unlisted"));
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
