using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Kernels.Assembled.PanelReader;
using static Banyan.Runtime.Kernels.Rungs.Avx2Rung;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>Q8_0, 32 columns: an F16 scale and an int8 a weight; weight = scale × value.</summary>
internal static unsafe class Q8_0Packing
{
    public static PackedFormat Describe() => new(WeightFormat.Q8_0, WeightKind.I8, 32, 512)
    {
        Pack = &Pack,
        PackScalar = &PackScalar,
        Unpack = &Unpack,
        Avx2 = Avx2Kernels.Of<PlainScales, Quants8>(),
        Neon = &NeonUnpack.Q8_0,
        Reader = vectors => new Q8Reader(vectors),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        var lanes = stackalloc Vector256<uint>[8];
        for (var group = 0; group < columns / 32; group++, source += 34, scales += 32, quants += 512)
            for (var half = 0; half < 2; half++)
            {
                var block = source + half * EightRows.Rows * rowBytes;
                var to = quants + half * EightRows.Bytes;
                EightRows.CopyWords(block, rowBytes, scales + half * 16);
                EightRows.Load8(block + 2, rowBytes, lanes);
                EightRows.Store(lanes, 8, to);
            }
    }

    /// <summary>The reference.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        for (var group = 0; group < columns / 32; group++, source += 34, scales += 32, quants += 512)
            for (var r = 0; r < 16; r++)
            {
                var block = source + r * rowBytes;
                ((ushort*)scales)[r] = *(ushort*)block;
                var values = (uint*)(block + 2);
                for (var j = 0; j < 8; j++)
                    ((uint*)quants)[j * 16 + r] = values[j];
            }
    }

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* block)
    {
        Buffer.MemoryCopy(quants, block->Values, 512, 512);
        for (var r = 0; r < 16; r++)
            block->Scales[r] = (float)((Half*)scales)[r];
    }
}
