using Banyan.Server.Jobs;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Lfs;

/// <summary>Removes parts of uploads that nobody completed.</summary>
sealed class PartSweep(IObjectStore objects, HubDatabase database, TimeProvider time) : Job
{
    /// <summary>How long parts wait; longer than their addresses hold.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromDays(7);

    /// <inheritdoc/>
    public override string Name => "parts";

    /// <inheritdoc/>
    public override string Purpose => "Removes parts of uploads that nobody completed";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromHours(6);

    /// <inheritdoc/>
    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        var removed = 0;
        await foreach (var part in objects.ListAsync(PartObjects.Folder, cancellationToken))
            if (time.GetUtcNow() - part.Modified > s_patience && await objects.DeleteAsync(part.Key, cancellationToken))
            {
                await database.WriteAsync(t => StorageLimits.WentAsync(database, t, [part.Key]), cancellationToken);
                run.Progress = $"{++removed} removed";
            }
    }
}
