using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Kernels.Assembled.PanelReader;
using static Banyan.Runtime.Kernels.Rungs.Avx2Rung;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>Q4_1, 32 columns: an F16 scale and minimum, and 4 bits a weight; weight = scale × value + minimum.</summary>
internal static unsafe class Q4_1Packing
{
    public static PackedFormat Describe() => new(WeightFormat.Q4_1, WeightKind.U4, 64, 256)
    {
        Pack = &Pack,
        PackScalar = &PackScalar,
        Unpack = &Unpack,
        Avx2 = Avx2Kernels.Of<ScalesAndMins, Quants4>(),
        Neon = &NeonUnpack.Q4_1,
        Reader = vectors => new MinReader(vectors, new NibbleQuants(vectors)),
    };

    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        SmallBlocks.Pack(source, rowBytes, columns, scales, quants, words: 2, hasFifth: false);

    /// <summary>The reference.</summary>
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        SmallBlocks.PackScalar(source, rowBytes, columns, scales, quants, words: 2, hasFifth: false);

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* block)
    {
        Nibbles.Unpack(quants, block->Values);
        UnpackScales(scales, block);
    }

    public static void UnpackScales(byte* scales, UnpackedBlock* block)
    {
        for (var r = 0; r < 16; r++)
            (block->Scales[r], block->Mins[r]) = ((float)((Half*)scales)[r], (float)((Half*)scales)[16 + r]);
    }
}
