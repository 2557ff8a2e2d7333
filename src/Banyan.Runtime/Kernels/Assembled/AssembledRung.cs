using Banyan.Runtime.Kernels.Assembled;
using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels;

/// <summary>
/// Machine code assembled at run time for AVX-512 VNNI, which .NET has no intrinsic for; what is not a product of integers is the managed rung's below.
/// </summary>
internal sealed unsafe class AssembledRung : Avx512Rung
{
    public override string Name => "avx512-vnni";

    public override bool IsSupported => base.IsSupported && Processor.HasVnni;

    public override int PanelTokens => KernelSet.PanelTokens;

    /// <summary>
    /// Logic has other ports than products, while what is unpacked for tiles has to be stored. Measured on Zen 4, GMAC/s and core, panels and tiles: Q4_K 160
    /// and 146 with 16 rows, 158 and 153 with 32, 160 and 161 with 48; Q6_K 150 and 131, 150 and 143, 151 and 147.
    /// </summary>
    public override int PanelRows => 4 * KernelSet.PanelTokens;

    public override void MultiplyPanel(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, int stride, int tokens, float* y)
    {
        var arguments = new PanelKernel.Arguments
        {
            Scales = scales,
            Quants = quants,
            Groups = format.Groups(columns),
            X = x,
            XStrideBytes = (long)stride * ActivationBlock.Bytes,
            Y = y,
            YStrideBytes = UnpackedBlock.Rows * sizeof(float),
        };
        KernelSet.Run(&arguments, format, tokens);
    }

    public override void UnpackForTiles(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to)
    {
        var arguments = new UnpackKernel.Arguments { Scales = scales, Quants = quants, Groups = groups, To = to };
        KernelSet.Run(&arguments, format);
    }

    public override void MultiplyTiles(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, int stride, int tokens, float* y, byte* next, long nextBytes)
    {
        var (tiles, size, larger) = Tiles(tokens, BlockProduct.MaxTokens(kind));
        var arguments = new TileKernel.Arguments
        {
            W = w,
            Blocks = blocks,
            X = x,
            XStrideBytes = (long)stride * ActivationBlock.Bytes,
            Y = y,
            Tiles = larger,
            Next = next,
            NextLines = Math.Max(1, (nextBytes / 64 + tiles - 1) / tiles),
        };
        if (larger > 0)
        {
            KernelSet.Run(&arguments, kind, size + 1);
            arguments.X += larger * (size + 1) * (long)stride;
            arguments.Y += larger * (size + 1) * UnpackedBlock.Rows;
            arguments.Next += larger * arguments.NextLines * 64;
        }
        arguments.Tiles = tiles - larger;
        KernelSet.Run(&arguments, kind, size);
    }

    public override bool RoundsToPairs(PackedFormat format) => Processor.HasBf16 && format.Format.Name is ("BF16" or "F16");

    public override void RoundToPairs(float* x, long count, ushort* to)
    {
        var arguments = new PairKernel.RoundArguments { From = x, To = to, Count = (count + 15) / 16 };
        if (count > 0)
            KernelSet.Run(&arguments, isHalf: false);
    }

    public override void MultiplyPairs(PackedFormat format, byte* quants, int columns, ushort* x, int stride, int tokens, float* y, byte* scratch, byte* next, long nextBytes)
    {
        var pairs = (columns + 1) / 2;
        var isHalf = format.Format.Name == "F16";
        if (isHalf && tokens > PanelTokens)
        {
            var round = new PairKernel.RoundArguments { From = quants, To = scratch, Count = pairs };
            KernelSet.Run(&round, isHalf: true);
            quants = scratch;
            isHalf = false;
        }
        var (tiles, size, larger) = Tiles(tokens, KernelSet.TileTokens);
        var arguments = new PairKernel.Arguments
        {
            W = quants,
            Eights = pairs / 8,
            Rest = pairs % 8,
            X = x,
            XStrideBytes = stride * sizeof(ushort),
            Y = y,
            Tiles = larger,
            Next = next,
            NextLines = Math.Max(1, (nextBytes / 64 + tiles - 1) / tiles),
        };
        if (larger > 0)
        {
            KernelSet.Run(&arguments, isHalf, size + 1);
            arguments.X += larger * (size + 1) * (long)stride;
            arguments.Y += larger * (size + 1) * UnpackedBlock.Rows;
            arguments.Next += larger * arguments.NextLines * 64;
        }
        arguments.Tiles = tiles - larger;
        KernelSet.Run(&arguments, isHalf, size);
    }

    /// <summary>As few tiles as possible, of sizes that differ by one at most (small tiles cost nearly as much as large ones): how many, their size, and how many have one more.</summary>
    static (int Tiles, int Size, int Larger) Tiles(int tokens, int most)
    {
        var tiles = (tokens + most - 1) / most;
        return (tiles, tokens / tiles, tokens % tiles);
    }
}
