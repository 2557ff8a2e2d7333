namespace Banyan.Runtime.Kernels.Threads;

/// <summary>
/// Work that <see cref="WorkerPool.Run{TJob}(ref TJob, int)"/> divides: each part is done exactly once, by any thread, in any order.
/// </summary>
internal interface IJob
{
    /// <summary>Does part <paramref name="part"/> of <paramref name="parts"/>.</summary>
    void Work(int part, int parts);
}
