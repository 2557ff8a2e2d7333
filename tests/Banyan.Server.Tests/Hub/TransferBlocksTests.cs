using Banyan.Server.Hub;

namespace Banyan.Server.Tests.Hub;

public sealed class TransferBlocksTests
{
    [Fact]
    public void A_block_serves_one_at_a_time_even_when_it_is_given_back_twice()
    {
        using var pool = new TransferBlocks();
        var first = pool.Rent(1);
        Assert.True(first.Memory.Length >= pool.MaxBufferSize);
        first.Dispose();
        first.Dispose();
        using var second = pool.Rent();
        using var third = pool.Rent(pool.MaxBufferSize);
        Assert.Same(first, second);
        Assert.NotSame(second, third);
        Assert.False(second.Memory.Span.Overlaps(third.Memory.Span));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(pool.MaxBufferSize + 1));
    }
}
