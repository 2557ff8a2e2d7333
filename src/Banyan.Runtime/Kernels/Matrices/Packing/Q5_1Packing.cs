using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Kernels.Assembled.PanelReader;
using static Banyan.Runtime.Kernels.Rungs.Avx2Rung;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>Q5_1, 32 columns: an F16 scale and minimum, and 5 bits a weight; weight = scale × value + minimum.</summary>
internal static unsafe class Q5_1Packing
{
    public static PackedFormat Describe() => new(WeightFormat.Q5_1, WeightKind.U5, 64, 320)
    {
        Pack = &Pack,
        PackScalar = &PackScalar,
        Unpack = &Unpack,
        Avx2 = Avx2Kernels.Of<ScalesAndMins, Quants5>(),
        Neon = &NeonUnpack.Q5_1,
        Reader = vectors => new MinReader(vectors, new FiveBitQuants(vectors)),
    };

    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        SmallBlocks.Pack(source, rowBytes, columns, scales, quants, words: 2, hasFifth: true);

    /// <summary>The reference.</summary>
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        SmallBlocks.PackScalar(source, rowBytes, columns, scales, quants, words: 2, hasFifth: true);

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* block)
    {
        Nibbles.Unpack(quants, block->Values);
        HighBits.Unpack(quants + Nibbles.Bytes, block->Values);
        Q4_1Packing.UnpackScales(scales, block);
    }
}
