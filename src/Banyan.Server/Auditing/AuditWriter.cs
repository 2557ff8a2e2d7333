using Banyan.Server.Jobs;

namespace Banyan.Server.Auditing;

/// <summary>Every few seconds: writes the refusals, and chains the entries that came.</summary>
sealed class AuditWriter(AuditLog audit, Refusals refusals) : Job
{
    /// <inheritdoc/>
    public override string Name => "audit";

    /// <inheritdoc/>
    public override string Purpose => "Writes the refusals that this node counted, and chains the audit";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public override bool IsOfEachNode => true;

    /// <inheritdoc/>
    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        await refusals.WriteAsync(cancellationToken);
        await audit.SealAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override Task EndAsync() => RunAsync(new(null), CancellationToken.None);
}
