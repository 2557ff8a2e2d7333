using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Banyan.Server.Quotas;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Maintenance.Collection;

/// <summary>At the start and every hour: clears up what a run that was killed left, of this node and of the hub.</summary>
sealed class Leftovers(HubDatabase database, IObjectStore objects, HubOptions options, TimeProvider time) : Job
{
    static readonly TimeSpan s_deadFile = TimeSpan.FromDays(1);

    /// <inheritdoc/>
    public override string Name => "leftovers";

    /// <inheritdoc/>
    public override string Purpose => "Finishes what was begun and clears up what was left when a server was killed";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public override bool IsOfEachNode => true;

    /// <inheritdoc/>
    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        SweepFiles();
        await new Collector(database, objects, time).FinishAsync(cancellationToken);
        await new RepoChanges(database, time).FinishAsync(cancellationToken);
        await new StorageLimits(database, options, time).ForgetAsync(cancellationToken);
    }

    /// <summary>Temporary files of requests that died with the process.</summary>
    void SweepFiles()
    {
        (objects as DiskObjectStore)?.Sweep(s_deadFile);
        foreach (var file in new DirectoryInfo(options.SpoolFolder).EnumerateFiles())
            if (time.GetUtcNow() - file.LastWriteTimeUtc > s_deadFile)
                file.Delete();
    }
}
