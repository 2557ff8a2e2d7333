namespace Banyan.Server.Jobs;

/// <summary>A recurring background job of the hub. A shared job runs on one node at a time (<see cref="JobStore"/>); a run may end
/// anywhere, by a crash or because another node took over, and the next continues from what is stored.</summary>
abstract class Job
{
    /// <summary>Its name: "collect".</summary>
    public abstract string Name { get; }

    /// <summary>What it does, as a sentence without its full stop: "Removes what nothing leads to any more".</summary>
    public abstract string Purpose { get; }

    /// <summary>From the end of a run to the next.</summary>
    public abstract TimeSpan Every { get; }

    /// <summary>Whether each node runs it for itself, for what it has in memory. Of such a job nothing is stored.</summary>
    public virtual bool IsOfEachNode => false;

    /// <summary>Whether there is something to do: asked before anything is written, so that a hub at rest writes nothing.</summary>
    public virtual Task<bool> IsWaitingAsync(CancellationToken cancellationToken) => Task.FromResult(true);

    /// <summary>Runs the job.</summary>
    public abstract Task RunAsync(JobRun run, CancellationToken cancellationToken);

    /// <summary>Does what must not wait for the next start; called when the server ends.</summary>
    public virtual Task EndAsync() => Task.CompletedTask;

    /// <summary>From a run that failed to the next: longer each time, as far as an hour, or a minute of what runs more often.</summary>
    /// <param name="failures">How many have failed in a row.</param>
    internal TimeSpan Pause(int failures)
    {
        var (first, longest) = Every >= TimeSpan.FromHours(1) ? (TimeSpan.FromMinutes(1), TimeSpan.FromHours(1))
            : (Every, TimeSpan.FromMinutes(1));
        var pause = first * Math.Pow(2, Math.Min(failures - 1, 10));
        return pause < longest ? pause : first > longest ? first : longest;
    }
}

/// <summary>One run of a job, which reports its progress here.</summary>
/// <param name="cursor">What the run before kept.</param>
sealed class JobRun(string? cursor)
{
    /// <summary>The progress, for people: "12 of 40 repositories".</summary>
    public string? Progress { get; set; }

    /// <summary>Where the next run continues, also after a crash; stored with the lease, every 20 seconds, and at the end.</summary>
    public string? Cursor { get; set; } = cursor;
}
