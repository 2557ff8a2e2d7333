using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>Packing in vectors gives the bytes that the scalar reference gives, whatever the file holds.</summary>
public unsafe class PackingTests
{
    public static TheoryData<string> Formats => [.. PackedFormat.All.Select(f => f.Format.Name)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Vectors_pack_as_the_reference_does(string name)
    {
        var format = PackedFormat.All.First(f => f.Format.Name == name);
        foreach (var blocks in (int[])[1, 2, 3, 7, 35])
        {
            var columns = blocks * format.Format.BlockWeights;
            var rowBytes = (int)format.Format.ByteLength(columns);
            // Rows that lie apart by more than they hold, as those of a wider matrix would; any bytes; the last row ends at a guard page.
            var pitch = rowBytes + 24;
            using var source = new GuardedMemory(15 * pitch + rowBytes);
            new Random(blocks).NextBytes(new Span<byte>(source.Pointer, (int)source.Length));
            var (scalar, vector) = (Packed(format.PackScalar), Packed(format.Pack));
            Assert.Equal(scalar, vector);
            Assert.Contains(scalar, b => b != 0xCC);

            byte[] Packed(delegate*<byte*, nint, int, byte*, byte*, void> pack)
            {
                using var panel = new GuardedMemory(format.PanelBytes(columns));
                new Span<byte>(panel.Pointer, (int)panel.Length).Fill(0xCC);
                pack(source.Pointer, pitch, columns, panel.Pointer, panel.Pointer + format.QuantOffset(columns));
                return new Span<byte>(panel.Pointer, (int)panel.Length).ToArray();
            }
        }
    }

    /// <summary>A matrix is divided among threads: large enough for several parts, its last rows no whole panel.</summary>
    [Fact]
    public void A_matrix_is_the_same_whoever_packs_it()
    {
        const int Rows = 1000, Columns = 4096;
        using WorkerPool one = new(1), four = new(4);
        var bytes = RandomWeights.Make(WeightFormat.Q4_K, Rows, Columns);
        fixed (byte* source = bytes)
        {
            using var alone = PackedMatrix.Pack(WeightFormat.Q4_K, source, Rows, Columns, one);
            using var together = PackedMatrix.Pack(WeightFormat.Q4_K, source, Rows, Columns, four);
            Assert.Equal(alone.Bytes, together.Bytes);
            Assert.True(new Span<byte>(alone.Panel(0),
                (int)alone.Bytes).SequenceEqual(new Span<byte>(together.Panel(0), (int)together.Bytes)));
        }
    }
}
