using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Jobs;

/// <summary>Runs all jobs of a node, each in its turn and none waiting for another. An exception in a job ends its run, never the
/// hub.</summary>
sealed partial class JobRunner(IEnumerable<Job> jobs, JobStore store, TimeProvider time, ILogger<JobRunner> log) : BackgroundService
{
    /// <summary>The maximum time between checks of a job, so that one that was requested, or that another node lost, does not wait for its
    /// interval.</summary>
    static readonly TimeSpan s_look = TimeSpan.FromSeconds(30);

    static readonly TimeSpan s_renew = JobStore.Lease / 3;

    readonly ConcurrentDictionary<string, JobState> _own = new();

    /// <summary>The state of the jobs that this node runs for itself.</summary>
    public IEnumerable<JobState> Own => _own.Values.OrderBy(s => s.Name, StringComparer.Ordinal);

    readonly string _node = $"{Environment.MachineName}:{Environment.ProcessId}";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await store.AddAsync([.. jobs.Where(j => !j.IsOfEachNode)], stoppingToken);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            LogFailed(log, "jobs", e.Message);      // each adds itself when it can
        }
        await Task.WhenAll(jobs.Select(j => KeepAsync(j, stoppingToken)));
    }

    async Task KeepAsync(Job job, CancellationToken cancellationToken)
    {
        await Task.Yield();
        using var timer = new PeriodicTimer(job.IsOfEachNode || job.Every < s_look ? job.Every : s_look, time);
        var (isKnown, failures, resting) = (false, 0, 0L);
        try
        {
            do
            {
                // A database that is away, or a full disk, is asked again after a while.
                if (failures > 0 && time.GetElapsedTime(resting) < job.Pause(failures))
                    continue;
                try
                {
                    if (!isKnown && !job.IsOfEachNode)
                        await store.AddAsync([job], cancellationToken);
                    isKnown = true;
                    if (job.IsOfEachNode)
                        await RunOwnAsync(job, failures, cancellationToken);
                    else if (await job.IsWaitingAsync(cancellationToken) && await store.IsDueAsync(job.Name, cancellationToken)
                        && await store.TakeAsync(job.Name, _node, cancellationToken) is { } taken)
                        await RunAsync(job, taken, cancellationToken);
                    failures = 0;
                }
                catch (Exception e) when (!cancellationToken.IsCancellationRequested)
                {
                    (failures, resting) = (failures + 1, time.GetTimestamp());
                    LogFailed(log, job.Name, e.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The server ends.
        }
        try
        {
            await job.EndAsync();
        }
        catch (Exception e)
        {
            LogFailed(log, job.Name, e.Message);
        }
    }

    async Task RunOwnAsync(Job job, int failures, CancellationToken cancellationToken)
    {
        var state = new JobState { Name = job.Name, BeganAt = Now };
        try
        {
            await job.RunAsync(new JobRun(null), cancellationToken);
            _own[job.Name] = state with { EndedAt = Now, DueAt = Now + (long)job.Every.TotalMilliseconds };
        }
        catch (Exception e)
        {
            _own[job.Name] = state with
            {
                EndedAt = Now,
                DueAt = Now + (long)job.Pause(failures + 1).TotalMilliseconds,
                Error = e.Message,
                Failures = failures + 1
            };
            throw;
        }
    }

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Runs a job that was taken, and holds it meanwhile.</summary>
    internal async Task RunAsync(Job job, JobState taken, CancellationToken cancellationToken)
    {
        var run = new JobRun(taken.Cursor);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var holding = HoldAsync(taken, run, stop);
        string? error = null;
        try
        {
            await job.RunAsync(run, stop.Token);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // A store's time limit comes as a cancellation too. What is logged has where it was thrown; what is stored is for people.
            error = stop.IsCancellationRequested ? "another node took the job over, or the database could not be reached" : e.Message;
            LogThrown(log, job.Name, e);
        }
        finally
        {
            await stop.CancelAsync();
            await holding;
            if (cancellationToken.IsCancellationRequested)
                await store.GiveBackAsync(taken, run);
        }
        await store.EndAsync(taken, run, error, error is null ? job.Every : job.Pause(taken.Failures + 1));
    }

    async Task HoldAsync(JobState taken, JobRun run, CancellationTokenSource stop)
    {
        using var timer = new PeriodicTimer(s_renew, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop.Token))
                if (!await store.RenewAsync(taken, run, stop.Token))
                    await stop.CancelAsync();
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // The run is over.
        }
        catch (Exception e)
        {
            LogFailed(log, taken.Name, e.Message);
            await stop.CancelAsync();       // what cannot be held may be another's in a minute
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Job} failed; it is tried again")]
    static partial void LogThrown(ILogger log, string job, Exception exception);

    [LoggerMessage(LogLevel.Warning, "{Job} could not run; it is tried again: {Why}")]
    static partial void LogFailed(ILogger log, string job, string why);
}
