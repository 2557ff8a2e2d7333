using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;

namespace Banyan.Runtime.Tests.Kernels;

public unsafe class WeightMemoryTests
{
    [Fact]
    public void Takes_lie_one_after_the_other_on_cache_lines_and_never_overlap()
    {
        using var memory = new WeightMemory(100 << 20);
        long[] lengths = [1, 64, 65, 3 << 20, 100, 70 << 20, 5, 63 << 20];
        var taken = lengths.Select(length => (memory.Take(length), length))
            .Select(t => ((nint)t.Item1.Piece.Pointer + t.Item1.Offset, t.length)).ToArray();
        Assert.All(taken, t => Assert.Equal(0, t.Item1 % 64));
        Assert.Equal(taken[0].Item1 + 64, taken[1].Item1);
        foreach (var (one, i) in taken.Select((t, i) => (t, i)))
            foreach (var other in taken[(i + 1)..])
                Assert.True(one.Item1 + one.length <= other.Item1 || other.Item1 + other.length <= one.Item1);
        foreach (var (start, length) in taken)
            ((byte*)start)[length - 1] = 1;
    }

    [Fact]
    public void A_small_model_takes_one_huge_page()
    {
        using var memory = new WeightMemory(300_000);
        Assert.Equal(2 << 20, memory.Take(100_000).Piece.Length);
    }
}
