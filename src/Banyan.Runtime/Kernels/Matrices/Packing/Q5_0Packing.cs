using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Kernels.Assembled.PanelReader;
using static Banyan.Runtime.Kernels.Avx2Rung;

namespace Banyan.Runtime.Kernels.Packing;

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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        if (!EightRows.IsSupported)
        {
            PackScalar(source, rowBytes, columns, scales, quants);
            return;
        }
        var lanes = stackalloc Vector256<uint>[4];
        for (var group = 0; group < columns / 32; group++, source += 22, scales += 32, quants += 320)
            for (var half = 0; half < 2; half++)
            {
                var block = source + half * EightRows.Rows * rowBytes;
                var to = quants + half * EightRows.Bytes;
                EightRows.CopyWords(block, rowBytes, scales + half * 16);
                EightRows.Load4(block + 6, rowBytes, lanes);
                EightRows.Store(lanes, 4, to);
                HighBits.Pack(EightRows.Dwords(block + 2, rowBytes)).Store((uint*)(to + Nibbles.Bytes));
            }
    }

    /// <summary>The reference.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        for (var group = 0; group < columns / 32; group++, source += 22, scales += 32, quants += 320)
            for (var r = 0; r < 16; r++)
            {
                var block = source + r * rowBytes;
                ((ushort*)scales)[r] = *(ushort*)block;
                var nibbles = (uint*)(block + 6);
                for (var p = 0; p < 4; p++)
                    ((uint*)quants)[p * 16 + r] = nibbles[p];
                HighBits.PackRow(*(uint*)(block + 2), (uint*)(quants + Nibbles.Bytes), r);
            }
    }

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* block)
    {
        Nibbles.Unpack(quants, block->Values);
        HighBits.Unpack(quants + Nibbles.Bytes, block->Values);
        block->ToUpperBits(5);
        for (var r = 0; r < 16; r++)
            block->Scales[r] = (float)((Half*)scales)[r] / 8;
    }
}
