using System.Collections.Concurrent;

namespace Banyan.Server.Files;

/// <summary>
/// Large files that are being put together from their parts. Some clients take the first byte of that answer for its end and commit at
/// once: their commit waits here for the file that it names.
/// </summary>
sealed class ArrivingFiles(TimeProvider time)
{
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);   // less than clients wait for an answer to begin

    readonly ConcurrentDictionary<(long Repo, string Oid), TaskCompletionSource> _arriving = new();

    /// <summary>Notes that a file arrives for as long as <paramref name="work"/> takes.</summary>
    public async Task RunAsync(long repo, string oid, Func<Task> work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = _arriving.TryAdd((repo, oid), done);
        try
        {
            await work();
        }
        finally
        {
            if (first)
                _arriving.TryRemove((repo, oid), out _);
            done.SetResult();
        }
    }

    /// <summary>Waits until none of these files arrives any more, whatever became of it.</summary>
    public async Task WaitAsync(long repo, IEnumerable<string> oids, CancellationToken cancellationToken)
    {
        foreach (var oid in oids)
            if (!_arriving.IsEmpty && _arriving.TryGetValue((repo, oid), out var arriving))
                await arriving.Task.WaitAsync(s_patience, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
