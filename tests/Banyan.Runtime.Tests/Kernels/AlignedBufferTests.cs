using System.Globalization;
using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Tests.Kernels;

public unsafe class AlignedBufferTests
{
    [Theory]
    [InlineData(0, 64)]
    [InlineData(1000, 64)]
    [InlineData(128 << 10, 64)]
    [InlineData((1 << 20) + 1, 64)]
    [InlineData(4 << 20, 2 << 20)]
    [InlineData((9 << 20) + 1, 2 << 20)]
    public void Lies_on_its_boundary_and_is_zero_to_its_last_byte(long bytes, long boundary)
    {
        using var buffer = new AlignedBuffer(bytes);
        Assert.Equal(0, (nint)buffer.Pointer % boundary);
        Assert.False(new ReadOnlySpan<byte>(buffer.Pointer, (int)bytes).ContainsAnyExcept((byte)0));
        if (bytes > 0)
            buffer.Pointer[bytes - 1] = 1;
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => (nint)buffer.Pointer);
    }

    // Sizes beside each other on purpose: what malloc would have put into one arena.
    [Fact]
    public void A_models_memory_goes_back_to_the_system_although_smaller_blocks_beside_it_stay()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc is Linux's");
        var (buffers, blocks) = (new List<AlignedBuffer>(), new List<nint>());
        for (var i = 0; i < 32; i++)
        {
            // One is freed at once, as after a first model.
            new AlignedBuffer(3 << 20).Dispose();
            buffers.Add(new AlignedBuffer((1 + i % 8) << 20));
            new Span<byte>(buffers[^1].Pointer, (int)buffers[^1].Length).Fill(1);
            blocks.Add((nint)NativeMemory.Alloc(1000));
        }
        var addresses = buffers.Select(b => (long)(nint)b.Pointer).ToList();
        Assert.Equal(32, addresses.Count(IsMapped));
        buffers.ForEach(b => b.Dispose());
        // Another test may have been given some of the places meanwhile.
        Assert.InRange(addresses.Count(IsMapped), 0, 8);
        blocks.ForEach(b => NativeMemory.Free((void*)b));
    }

    static bool IsMapped(long address) => File.ReadLines("/proc/self/maps")
        .Select(line => line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-')).Any(range =>
        long.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture) <= address
        && address < long.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
}
