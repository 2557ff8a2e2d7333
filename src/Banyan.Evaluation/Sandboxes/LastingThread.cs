using System.Collections.Concurrent;
using System.Diagnostics;

namespace Banyan.Evaluation.Sandboxes;

/// <summary>
/// Starts processes from one thread that lives as long as this process. "Die with the parent" means, to the kernel, with the thread that made you:
/// a thread of the pool ends when it has been idle for a while, and would take long-running programs with it.
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
