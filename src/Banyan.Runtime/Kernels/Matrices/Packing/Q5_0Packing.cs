using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Kernels.Assembled.PanelReader;
using static Banyan.Runtime.Kernels.Rungs.Avx2Rung;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>Q5_0, 32 columns: an F16 scale and 5 bits a weight; weight = scale × (value − 16).</summary>
internal static unsafe class Q5_0Packing
{
    public static PackedFormat Describe() => new(WeightFormat.Q5_0, WeightKind.I5, 32, 320)
    {
        Pack = &Pack,
        PackScalar = &PackScalar,
        Unpack = &Unpack,
        Avx2 = Avx2Kernels.Of<StepScales<Eight>, Upper<Quants5, Eight>, StepScales<Eight>, Quants5>(),
        Neon = &NeonUnpack.Q5_0,
        Reader = vectors => new SignedReader(vectors, new FiveBitQuants(vectors, bits: 5)),
    };

    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        SmallBlocks.Pack(source, rowBytes, columns, scales, quants, words: 1, hasFifth: true);

    /// <summary>The reference.</summary>
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        SmallBlocks.PackScalar(source, rowBytes, columns, scales, quants, words: 1, hasFifth: true);

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* block)
    {
        Nibbles.Unpack(quants, block->Values);
        HighBits.Unpack(quants + Nibbles.Bytes, block->Values);
        block->ToUpperBits(5);
        for (var r = 0; r < 16; r++)
            block->Scales[r] = (float)((Half*)scales)[r] / 8;
    }
}
