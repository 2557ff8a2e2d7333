using Banyan.Server.Jobs;

namespace Banyan.Server.Storage.Databases;

/// <summary>Every second: moves SQLite's log into its file, so that large commits do not have to wait for that.</summary>
sealed class Checkpoints(HubDatabase database) : Job
{
    /// <inheritdoc/>
    public override string Name => "checkpoints";

    /// <inheritdoc/>
    public override string Purpose => "Moves SQLite's log into its file, so that nobody who commits waits for it";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public override bool IsOfEachNode => true;

    /// <inheritdoc/>
    public override Task RunAsync(JobRun run, CancellationToken cancellationToken) => database.CheckpointAsync(cancellationToken);
}
