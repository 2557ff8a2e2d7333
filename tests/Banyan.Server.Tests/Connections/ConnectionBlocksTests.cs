using Banyan.Server.Connections;

namespace Banyan.Server.Tests.Connections;

public sealed class ConnectionBlocksTests
{
    [Fact]
    public void Only_so_many_large_blocks_are_out_at_once()
    {
        var blocks = new ConnectionBlocks(longestBlocks: 1, largeBlocks: 2);
        var taken = Enumerable.Range(0, 5).Select(_ => blocks.Rent(100)).ToArray();
        Assert.Equal([ConnectionBlocks.LongestBytes, ConnectionBlocks.LargeBytes, ConnectionBlocks.LargeBytes, ConnectionBlocks.SmallBytes,
            ConnectionBlocks.SmallBytes], taken.Select(t => t.Memory.Length));
        taken[1].Dispose();
        taken[1].Dispose();     // twice gives back once
        Assert.Equal(ConnectionBlocks.LargeBytes, blocks.Rent().Memory.Length);
        Assert.Equal(ConnectionBlocks.SmallBytes, blocks.Rent().Memory.Length);
    }

    [Fact]
    public void Who_asks_for_many_bytes_gets_them_and_nobody_gets_a_block_that_is_out()
    {
        var blocks = new ConnectionBlocks(longestBlocks: 0, largeBlocks: 1);
        var taken = Enumerable.Range(0, 40).Select(i => blocks.Rent(i % 2 == 0 ? ConnectionBlocks.LargeBytes : 1)).ToArray();
        Assert.All(taken.Where((_, i) => i % 2 == 0), t => Assert.Equal(ConnectionBlocks.LargeBytes, t.Memory.Length));
        foreach (var (block, i) in taken.Select((t, i) => (t, i)))
            block.Memory.Span.Fill((byte)i);
        Assert.All(taken.Select((t, i) => (t, i)), b => Assert.Equal(-1, b.t.Memory.Span.IndexOfAnyExcept((byte)b.i)));
        foreach (var block in taken)
            block.Dispose();
        Assert.Equal(ConnectionBlocks.LargeBytes, blocks.Rent().Memory.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => blocks.Rent(ConnectionBlocks.LargeBytes + 1));
    }
}
