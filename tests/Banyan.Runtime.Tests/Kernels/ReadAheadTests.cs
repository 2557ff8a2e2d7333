using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>What is asked for ahead of time changes no result; what can be seen is how much is planned, and that it ends.</summary>
public unsafe class ReadAheadTests
{
    static int Fetches(ReadAhead ahead)
    {
        var count = 0;
        while (ahead.Fetch())
            count++;
        return count;
    }

    [Fact]
    public void Plans_whole_pages_once_and_no_more_than_the_cache_holds()
    {
        Assert.SkipUnless(Sse.IsSupported, "this processor is not asked for anything");
        using var memory = new AlignedBuffer(8 << 20);
        var ahead = new ReadAhead();
        Assert.Equal(0, Fetches(ahead));
        ahead.Add(memory.Pointer, 4096 * 3 + 1);
        ahead.Add(memory.Pointer + (1 << 20), 4096);
        Assert.Equal(5, Fetches(ahead));
        Assert.Equal(0, Fetches(ahead));
        ahead.Clear();
        ahead.Add(memory.Pointer, memory.Length);
        Assert.Equal(ReadAhead.MaxChunks, ahead.Count);
        Assert.Equal(512 * 1024, 4096 * Fetches(ahead));
        ahead.Clear();
        Assert.Equal(0, Fetches(ahead));
    }

    // Threads that wait ask for memory that may be gone: it must not fault.
    [Fact]
    public void Memory_that_is_gone_may_be_planned()
    {
        using var pool = new WorkerPool(3);
        byte* gone;
        using (var memory = new AlignedBuffer(8 << 20))
            gone = memory.Pointer;
        for (var round = 0; round < 200; round++)
        {
            pool.Ahead.Clear();
            pool.Ahead.Add(gone, 8 << 20);
            var job = new SumJob { Sums = new long[7] };
            pool.Run(ref job, 7);
            Assert.Equal(21, job.Sums.Sum());
        }
    }

    struct SumJob : IJob
    {
        public long[] Sums;

        public readonly void Work(int part, int parts) => Sums[part] += part;
    }
}
