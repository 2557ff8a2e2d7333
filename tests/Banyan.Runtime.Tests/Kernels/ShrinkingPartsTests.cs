using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Tests.Kernels;

public class ShrinkingPartsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(16)]
    [InlineData(1024)]
    public void Parts_follow_each_other_and_end_small(int threads)
    {
        foreach (var items in Enumerable.Range(1, 300).Append(9_496).Append(100_001))
            foreach (var least in (int[])[1, 2, 7, 1000])
            {
                var parts = new ShrinkingParts(items, threads, least);
                var next = 0;
                for (var part = 0; part < parts.Count; part++)
                {
                    Assert.Equal(next, parts[part].First);
                    Assert.InRange(parts[part].End - next, 1, items);
                    next = parts[part].End;
                }
                Assert.Equal(items, next);
                if (threads > 1)
                    Assert.True(parts[parts.Count - 1].End - parts[parts.Count - 1].First < 2 * Math.Max(least, 1) || parts.Count == 1);
            }
    }

    [Fact]
    public void Two_threads_keep_their_places_for_most_of_the_way()
    {
        var parts = new ShrinkingParts(9_496, 2, 1);
        Assert.Equal((0, 2_374), parts[0]);
        Assert.Equal((2_374, 4_748), parts[1]);
        Assert.InRange(parts.Count, 10, 40);
    }
}
