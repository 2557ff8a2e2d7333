using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Tests.Kernels;

public class WorkerPoolTests
{
    struct CountJob : IJob
    {
        public int[] Counts;

        public readonly void Work(int part, int parts)
        {
            if (parts != Counts.Length)
                throw new ArgumentException($"{parts} parts");
            Interlocked.Increment(ref Counts[part]);
        }
    }

    struct FailingJob : IJob
    {
        public readonly void Work(int part, int parts)
        {
            if (part == 3)
                throw new InvalidTimeZoneException("part 3");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Every_part_is_done_exactly_once(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (var round = 0; round < 2000; round++)
        {
            var job = new CountJob { Counts = new int[round % 40] };
            pool.Run(ref job, job.Counts.Length);
            Assert.All(job.Counts, c => Assert.Equal(1, c));
        }
    }

    [Fact]
    public void Works_again_after_its_threads_went_to_sleep()
    {
        using var pool = new WorkerPool(3);
        for (var round = 0; round < 50; round++)
        {
            var job = new CountJob { Counts = new int[20] };
            pool.Run(ref job, 20);
            Assert.All(job.Counts, c => Assert.Equal(1, c));
            // A worker sleeps when it has spun in vain; nothing else blocks in it.
            while (round % 10 == 0 && pool.Sleepers < 2)
                Thread.Yield();
        }
    }

    [Fact]
    public void Several_threads_may_run_jobs_at_once()
    {
        using var pool = new WorkerPool(3);
        Parallel.For(0, 8, _ =>
        {
            for (var round = 0; round < 300; round++)
            {
                var job = new CountJob { Counts = new int[9] };
                pool.Run(ref job, 9);
                Assert.All(job.Counts, c => Assert.Equal(1, c));
            }
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void An_exception_of_a_part_reaches_the_caller_and_the_pool_goes_on(int threads)
    {
        using var pool = new WorkerPool(threads);
        var failing = new FailingJob();
        Assert.Equal("part 3", Assert.Throws<InvalidTimeZoneException>(() => pool.Run(ref failing, 10)).Message);
        var job = new CountJob { Counts = new int[10] };
        pool.Run(ref job, 10);
        Assert.All(job.Counts, c => Assert.Equal(1, c));
    }

    [Fact]
    public void Allocates_nothing_per_job()
    {
        using var pool = new WorkerPool(2);
        var job = new CountJob { Counts = new int[4] };
        pool.Run(ref job, 4);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            pool.Run(ref job, 4);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    struct NestingJob : IJob
    {
        public WorkerPool Pool;

        public readonly void Work(int part, int parts)
        {
            var inner = new CountJob { Counts = new int[5] };
            Pool.Run(ref inner, 5);
        }
    }

    [Fact]
    public void A_job_inside_a_job_is_refused_instead_of_waiting_for_ever()
    {
        using var pool = new WorkerPool(2);
        var job = new NestingJob { Pool = pool };
        Assert.Throws<InvalidOperationException>(() => pool.Run(ref job, 4));
    }

    [Fact]
    public void A_disposed_pool_refuses()
    {
        var pool = new WorkerPool(2);
        pool.Dispose();
        var job = new CountJob { Counts = new int[4] };
        Assert.Throws<ObjectDisposedException>(() => pool.Run(ref job, 4));
    }
}
