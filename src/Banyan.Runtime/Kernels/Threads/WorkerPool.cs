using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Banyan.Runtime.Kernels.Threads;

/// <summary>A fixed number of threads, the caller among them, that do the parts of one job at a time. Parts are claimed one by one, and the
/// caller waits only for threads that really entered the job, so a preempted thread delays nobody. A worker spins for
/// <see cref="SpinMicroseconds"/> after its last job, then sleeps and costs nothing.</summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    /// <summary>Longer than the pause between two operations of one token, shorter than what a person or a scheduler notices.</summary>
    const int SpinMicroseconds = 60;

    /// <summary>Spin rounds of the runtime, of about 40 ns, between two checks of the gate.</summary>
    const int SpinRounds = 2;

    // The gate: (epoch << 16) | closed | threads inside. A worker enters an epoch only while it is open, by compare and swap;
    // the job's fields change only while it is closed and nobody is inside.
    const long Closed = 1 << 15, Inside = Closed - 1;
    const int EpochShift = 16;

    readonly Lock _oneJob = new();
    readonly object _bell = new();
    readonly Thread[] _workers;
    readonly long _spinTicks;
    long _gate = Closed;
    int _sleepers;
    bool _callerSleeps, _stop;

    [ThreadStatic]
    static bool s_inPart;

    // The job.
    void* _job;
    delegate*<void*, int, int, void> _work;
    int _parts, _next;
    ExceptionDispatchInfo? _failure;

    /// <param name="threads">All threads, the caller counted; at least 1.</param>
    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 1024);
        Threads = threads;
        _spinTicks = Environment.ProcessorCount == 1 ? 0 : Stopwatch.Frequency * SpinMicroseconds / 1_000_000;
        _workers = new Thread[threads - 1];
        for (var i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Thread(WorkerLoop) { IsBackground = true, Name = $"banyan-worker-{i + 1}" };
            _workers[i].Start();
        }
    }

    /// <summary>Workers that sleep now.</summary>
    internal int Sleepers => Volatile.Read(ref _sleepers);

    /// <summary>What waiting threads prefetch.</summary>
    public ReadAhead Ahead { get; } = new();

    /// <summary>How many threads work on a job, the caller counted.</summary>
    public int Threads { get; }

    /// <summary>Does <paramref name="job"/> in as many parts as there are threads.</summary>
    public void Run<TJob>(ref TJob job) where TJob : struct, IJob => Run(ref job, Threads);

    /// <summary>Does the <paramref name="parts"/> parts of <paramref name="job"/> (a local of the caller: it must not move) and returns
    /// when all are done. An exception in a part is rethrown here; parts not yet begun are then skipped. A part must not call
    /// Run.</summary>
    public void Run<TJob>(ref TJob job, int parts) where TJob : struct, IJob
    {
        if (parts <= 1 || Threads == 1)
        {
            for (var part = 0; part < parts; part++)
                job.Work(part, parts);
            return;
        }

        if (s_inPart)
            throw new InvalidOperationException("A part of a job must not run a job: all threads could wait for each other.");
        // A copy on this stack: it cannot move, and the collector sees the references in it.
        var copy = job;
        lock (_oneJob)
            RunShared(Unsafe.AsPointer(ref copy), &Invoke<TJob>, parts);
        job = copy;
    }

    static void Invoke<TJob>(void* job, int part, int parts) where TJob : struct, IJob => Unsafe.AsRef<TJob>(job).Work(part, parts);

    void RunShared(void* job, delegate*<void*, int, int, void> work, int parts)
    {
        ObjectDisposedException.ThrowIf(_stop, this);
        _job = job;
        _work = work;
        (_parts, _next, _failure) = (parts, 0, null);
        var epoch = (Volatile.Read(ref _gate) >> EpochShift) + 1;
        Interlocked.Exchange(ref _gate, epoch << EpochShift);
        if (Volatile.Read(ref _sleepers) > 0)
            lock (_bell)
                Monitor.PulseAll(_bell);

        ClaimParts();

        if ((Interlocked.Or(ref _gate, Closed) & Inside) != 0)
            WaitUntilEmpty();
        _failure?.Throw();
    }

    void ClaimParts()
    {
        s_inPart = true;
        try
        {
            for (int part; (part = Interlocked.Increment(ref _next) - 1) < _parts;)
                _work(_job, part, _parts);
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(exception), null);
            Volatile.Write(ref _next, _parts);
        }
        finally
        {
            s_inPart = false;
        }
    }

    void WaitUntilEmpty()
    {
        for (var start = Stopwatch.GetTimestamp(); (Volatile.Read(ref _gate) & Inside) != 0;)
        {
            if (Ahead.Fetch())
                continue;
            Thread.SpinWait(SpinRounds);
            if (Stopwatch.GetTimestamp() - start <= _spinTicks)
                continue;
            lock (_bell)
            {
                _callerSleeps = true;
                Interlocked.MemoryBarrier();
                while ((Volatile.Read(ref _gate) & Inside) != 0)
                    Monitor.Wait(_bell);
                _callerSleeps = false;
            }
        }
    }

    void WorkerLoop()
    {
        long seen = 0;
        while (WaitForEpoch(ref seen))
        {
            ClaimParts();
            if ((Interlocked.Decrement(ref _gate) & (Closed | Inside)) == Closed && Volatile.Read(ref _callerSleeps))
                lock (_bell)
                    Monitor.PulseAll(_bell);
        }
    }

    /// <summary>Enters the next open epoch after <paramref name="seen"/>; false when the pool is disposed.</summary>
    bool WaitForEpoch(ref long seen)
    {
        for (var start = Stopwatch.GetTimestamp(); ;)
        {
            if (Volatile.Read(ref _stop))
                return false;
            var gate = Volatile.Read(ref _gate);
            if (gate >> EpochShift != seen)
            {
                if ((gate & Closed) != 0)
                    seen = gate >> EpochShift; // came too late for this one
                else if (Interlocked.CompareExchange(ref _gate, gate + 1, gate) == gate)
                {
                    seen = gate >> EpochShift;
                    return true;
                }
                continue;
            }
            if (Ahead.Fetch())
                continue;
            Thread.SpinWait(SpinRounds);
            if (Stopwatch.GetTimestamp() - start <= _spinTicks)
                continue;
            lock (_bell)
            {
                Interlocked.Increment(ref _sleepers);
                while (Volatile.Read(ref _gate) >> EpochShift == seen && !_stop)
                    Monitor.Wait(_bell);
                Interlocked.Decrement(ref _sleepers);
            }
            start = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Ends the threads; waits for them.</summary>
    public void Dispose()
    {
        lock (_oneJob)
            lock (_bell)
            {
                _stop = true;
                Monitor.PulseAll(_bell);
            }
        foreach (var worker in _workers)
            worker.Join();
    }
}
