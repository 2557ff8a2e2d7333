using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Kernels.Assembled.PanelReader;
using static Banyan.Runtime.Kernels.Rungs.Avx2Rung;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>Q4_K, 256 columns: see <see cref="KScales"/>; 4 bits a weight, in the file two blocks of 32 to 32 bytes.</summary>
internal static unsafe class Q4_KPacking
{
    public static PackedFormat Describe() => new(WeightFormat.Q4_K, WeightKind.U4, 256, 2048)
    {
        Pack = &Pack,
        PackScalar = &PackScalar,
        Unpack = &Unpack,
        Avx2 = Avx2Kernels.Of<ScalesK, Quants4>(),
        Neon = &NeonUnpack.Q4_K,
        Reader = vectors => new KReader(vectors, new NibbleQuants(vectors)),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        var lanes = stackalloc Vector256<uint>[8];
        for (var group = 0; group < columns / 256; group++, source += 144, scales += 256, quants += 2048)
            for (var half = 0; half < 2; half++)
            {
                var block = source + half * EightRows.Rows * rowBytes;
                var to = quants + half * EightRows.Bytes;
                KScales.Pack(block, rowBytes, scales, half);
                for (var pair = 0; pair < 4; pair++)
                {
                    EightRows.Load8(block + 16 + pair * 32, rowBytes, lanes);
                    Nibbles.Pack(lanes, shift: 0, to + 2 * pair * Nibbles.Bytes);
                    Nibbles.Pack(lanes, shift: 4, to + (2 * pair + 1) * Nibbles.Bytes);
                }
            }
    }

    /// <summary>The reference.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        for (var group = 0; group < columns / 256; group++, source += 144, scales += 256, quants += 2048)
            for (var r = 0; r < 16; r++)
            {
                var block = source + r * rowBytes;
                KScales.PackRow(block, scales, r);
                PackRow((uint*)(block + 16), (uint*)quants, r, 64);
            }
    }

    /// <summary>Packs the nibbles of one row's 8 blocks, each <paramref name="blockWords"/> dwords after the last.</summary>
    public static void PackRow(uint* nibbles, uint* quants, int row, int blockWords)
    {
        for (var pair = 0; pair < 4; pair++, nibbles += 8, quants += 2 * blockWords)
            for (var p = 0; p < 4; p++)
            {
                var (a, b) = (nibbles[p], nibbles[p + 4]);
                quants[p * 16 + row] = a & Nibbles.Low | (b & Nibbles.Low) << 4;
                quants[blockWords + p * 16 + row] = a >> 4 & Nibbles.Low | b & ~Nibbles.Low;
            }
    }

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* blocks)
    {
        KScales.Unpack(scales, blocks);
        for (var b = 0; b < 8; b++)
            Nibbles.Unpack(quants + b * Nibbles.Bytes, blocks[b].Values);
    }
}
