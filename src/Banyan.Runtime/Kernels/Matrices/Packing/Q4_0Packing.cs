using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Kernels.Assembled.PanelReader;
using static Banyan.Runtime.Kernels.Rungs.Avx2Rung;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>Q4_0, 32 columns: an F16 scale and 4 bits a weight; weight = scale × (value − 8).</summary>
internal static unsafe class Q4_0Packing
{
    public static PackedFormat Describe() => new(WeightFormat.Q4_0, WeightKind.I4, 32, 256)
    {
        Pack = &Pack,
        PackScalar = &PackScalar,
        Unpack = &Unpack,
        Avx2 = Avx2Kernels.Of<StepScales<Sixteen>, Upper<Quants4, Sixteen>, StepScales<Sixteen>, Quants4>(),
        Neon = &NeonUnpack.Q4_0,
        Reader = vectors => new SignedReader(vectors, new NibbleQuants(vectors, bits: 4)),
    };

    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        SmallBlocks.Pack(source, rowBytes, columns, scales, quants, words: 1, hasFifth: false);

    /// <summary>The reference.</summary>
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        SmallBlocks.PackScalar(source, rowBytes, columns, scales, quants, words: 1, hasFifth: false);

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* block)
    {
        Nibbles.Unpack(quants, block->Values);
        block->ToUpperBits(4);
        for (var r = 0; r < 16; r++)
            block->Scales[r] = (float)((Half*)scales)[r] / 16;
    }
}
