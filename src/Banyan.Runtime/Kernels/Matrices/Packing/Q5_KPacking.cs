using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Kernels.Assembled.PanelReader;
using static Banyan.Runtime.Kernels.Rungs.Avx2Rung;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>Q5_K, 256 columns: as Q4_K, with a fifth bit; in the file bit b of high byte c belongs to column c of block b.</summary>
internal static unsafe class Q5_KPacking
{
    const int BlockBytes = Nibbles.Bytes + HighBits.Bytes;

    public static PackedFormat Describe() => new(WeightFormat.Q5_K, WeightKind.U5, 256, 2560)
    {
        Pack = &Pack,
        PackScalar = &PackScalar,
        Unpack = &Unpack,
        Avx2 = Avx2Kernels.Of<ScalesK, Quants5>(),
        Neon = &NeonUnpack.Q5_K,
        Reader = vectors => new KReader(vectors, new FiveBitQuants(vectors)),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        var lanes = stackalloc Vector256<uint>[16];
        for (var group = 0; group < columns / 256; group++, source += 176, scales += 256, quants += 8 * BlockBytes)
            for (var half = 0; half < 2; half++)
            {
                var block = source + half * EightRows.Rows * rowBytes;
                var to = quants + half * EightRows.Bytes;
                KScales.Pack(block, rowBytes, scales, half);
                var high = lanes + 8;
                EightRows.Load8(block + 16, rowBytes, high);
                for (var b = 0; b < 8; b++)
                {
                    if (b % 2 == 0)
                        EightRows.Load8(block + 48 + b * 16, rowBytes, lanes);
                    Nibbles.Pack(lanes, b % 2 * 4, to + b * BlockBytes);
                    var packed = Vector256<uint>.Zero;
                    for (var j = 0; j < 8; j++)
                        packed |= (high[j] >>> b & Vector256.Create(0x01010101u)) << j;
                    packed.Store((uint*)(to + b * BlockBytes + Nibbles.Bytes));
                }
            }
    }

    /// <summary>The reference.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        for (var group = 0; group < columns / 256; group++, source += 176, scales += 256, quants += 8 * BlockBytes)
            for (var r = 0; r < 16; r++)
            {
                var block = source + r * rowBytes;
                KScales.PackRow(block, scales, r);
                Q4_KPacking.PackRow((uint*)(block + 48), (uint*)quants, r, BlockBytes / 4);
                var high = (uint*)(block + 16);
                for (var b = 0; b < 8; b++)
                {
                    var packed = 0u;
                    for (var j = 0; j < 8; j++)
                        packed |= (high[j] >> b & 0x01010101) << j;
                    ((uint*)(quants + b * BlockBytes + Nibbles.Bytes))[r] = packed;
                }
            }
    }

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* blocks)
    {
        KScales.Unpack(scales, blocks);
        for (var b = 0; b < 8; b++, quants += BlockBytes)
        {
            Nibbles.Unpack(quants, blocks[b].Values);
            HighBits.Unpack(quants + Nibbles.Bytes, blocks[b].Values);
        }
    }
}
