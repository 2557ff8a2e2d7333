using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Auditing;

/// <summary>Every few seconds: writes the refusals, and chains the entries that came.</summary>
sealed partial class AuditWriter(AuditLog audit, Refusals refusals, TimeProvider time, ILogger<AuditWriter> log) : BackgroundService
{
    static readonly TimeSpan s_every = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await StepAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
        }
        await StepAsync(CancellationToken.None);
    }

    async Task StepAsync(CancellationToken cancellationToken)
    {
        try
        {
            await refusals.WriteAsync(cancellationToken);
            await audit.SealAsync(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // A full disk or a database that is down: the entries are there, or come again; the chain goes on later.
            LogFailed(log, e.Message);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The audit could not be chained; it is tried again in a few seconds: {Why}")]
    static partial void LogFailed(ILogger log, string why);
}
