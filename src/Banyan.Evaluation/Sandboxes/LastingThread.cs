using System.Collections.Concurrent;
using System.Diagnostics;

namespace Banyan.Evaluation.Sandboxes;

/// <summary>
/// Starts processes from one thread that lives as long as this process. To the kernel, "die with the parent" means with the creating
/// thread: a pool thread ends after being idle, and would kill long-running programs.
/// </summary>
static class LastingThread
{
    static readonly BlockingCollection<(ProcessStartInfo Start, TaskCompletionSource<Process> Started)> s_queue = [];

    static LastingThread() => new Thread(Work) { IsBackground = true, Name = "sandbox starter" }.Start();

    public static Task<Process> StartAsync(ProcessStartInfo start)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        s_queue.Add((start, started));
        return started.Task;
    }

    static void Work()
    {
        foreach (var (start, started) in s_queue.GetConsumingEnumerable())
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        }
    }
}
