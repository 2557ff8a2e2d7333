using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Kernels.Assembled.PanelReader;
using static Banyan.Runtime.Kernels.Avx2Rung;

namespace Banyan.Runtime.Kernels.Packing;

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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        if (!EightRows.IsSupported)
        {
            PackScalar(source, rowBytes, columns, scales, quants);
            return;
        }
        var lanes = stackalloc Vector256<uint>[4];
        for (var group = 0; group < columns / 32; group++, source += 18, scales += 32, quants += 256)
            for (var half = 0; half < 2; half++)
            {
                var block = source + half * EightRows.Rows * rowBytes;
                var to = quants + half * EightRows.Bytes;
                EightRows.CopyWords(block, rowBytes, scales + half * 16);
                EightRows.Load4(block + 2, rowBytes, lanes); // already columns c and c + 16 in one byte
                EightRows.Store(lanes, 4, to);
            }
    }

    /// <summary>The reference.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        for (var group = 0; group < columns / 32; group++, source += 18, scales += 32, quants += 256)
            for (var r = 0; r < 16; r++)
            {
                var block = source + r * rowBytes;
                ((ushort*)scales)[r] = *(ushort*)block;
                var nibbles = (uint*)(block + 2); // already columns c and c + 16 in one byte
                for (var p = 0; p < 4; p++)
                    ((uint*)quants)[p * 16 + r] = nibbles[p];
            }
    }

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* block)
    {
        Nibbles.Unpack(quants, block->Values);
        block->ToUpperBits(4);
        for (var r = 0; r < 16; r++)
            block->Scales[r] = (float)((Half*)scales)[r] / 16;
    }
}
