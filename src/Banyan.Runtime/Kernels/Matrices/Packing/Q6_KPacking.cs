using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;
using static Banyan.Runtime.Kernels.Assembled.PanelReader;
using static Banyan.Runtime.Kernels.Rungs.Avx2Rung;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// Q6_K, 256 columns: an F16 scale d, an int8 scale for each 16 columns, 6 bits a weight; weight = d × scale × (value − 32).
/// Scales of a group: 16 F16 d, then for each block 16 + 16 int8 (first half of the columns, last half). Quants of a block: nibbles, then
/// two planes of the high two bits: bits 2·f of byte 64·q + 4·r + i belong to column 4·(4·q + f) + i of row r.
/// </summary>
internal static unsafe class Q6_KPacking
{
    public const int HalfScales = 32, BlockBytes = Nibbles.Bytes + 128;

    public static PackedFormat Describe() => new(WeightFormat.Q6_K, WeightKind.U6, 288, 3072)
    {
        Pack = &Pack,
        PackScalar = &PackScalar,
        Unpack = &Unpack,
        Avx2 = Avx2Kernels.Of<Scales6K, Quants6>(),
        Neon = &NeonUnpack.Q6_K,
        Reader = vectors => new Q6KReader(vectors),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        var lanes = stackalloc Vector256<uint>[24];
        for (var group = 0; group < columns / 256; group++, source += 210, scales += 288, quants += 8 * BlockBytes)
            for (var half = 0; half < 2; half++)
            {
                var block = source + half * EightRows.Rows * rowBytes;
                var to = quants + half * EightRows.Bytes;
                EightRows.CopyWords(block + 208, rowBytes, scales + half * 16);
                EightRows.Load4(block + 192, rowBytes, lanes);
                for (var four = 0; four < 4; four++)
                {
                    var bytes = EightRows.ByByte(lanes[four]);
                    for (var i = 0; i < 4; i++)
                        *(ulong*)(scales + HalfScales + (4 * four + i) * 16 + half * EightRows.Rows) = bytes[i];
                }
                // The file has 128 columns in 64 bytes of nibbles (blocks 0 and 1 low, 2 and 3 high) and 32 bytes of high bits.
                for (var side = 0; side < 2; side++)
                {
                    EightRows.Load8(block + side * 64, rowBytes, lanes);
                    EightRows.Load8(block + side * 64 + 32, rowBytes, lanes + 8);
                    var high = lanes + 16;
                    EightRows.Load8(block + 128 + side * 32, rowBytes, high);
                    for (var b = 0; b < 4; b++)
                    {
                        var at = to + (4 * side + b) * BlockBytes;
                        Nibbles.Pack(lanes + b % 2 * 8, b / 2 * 4, at);
                        for (var q = 0; q < 2; q++)
                        {
                            var packed = Vector256<uint>.Zero;
                            for (var f = 0; f < 4; f++)
                                packed |= (high[4 * q + f] >>> 2 * b & Vector256.Create(0x03030303u)) << 2 * f;
                            packed.Store((uint*)(at + Nibbles.Bytes + q * EightRows.VectorBytes));
                        }
                    }
                }
            }
    }

    /// <summary>The reference.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        var low = stackalloc uint[8];
        for (var group = 0; group < columns / 256; group++, source += 210, scales += 288, quants += 8 * BlockBytes)
            for (var r = 0; r < 16; r++)
            {
                var block = source + r * rowBytes;
                ((ushort*)scales)[r] = *(ushort*)(block + 208);
                for (var b = 0; b < 8; b++)
                {
                    scales[HalfScales + b * 32 + r] = block[192 + 2 * b];
                    scales[HalfScales + b * 32 + 16 + r] = block[192 + 2 * b + 1];

                    // The file has 128 columns in 64 bytes of nibbles (blocks 0 and 1 low, 2 and 3 high) and 32 bytes of high bits.
                    var nibbles = (uint*)(block + b / 4 * 64 + b % 2 * 32);
                    var high = (uint*)(block + 128 + b / 4 * 32);
                    var (nibbleShift, highShift) = (b % 4 / 2 * 4, b % 4 * 2);
                    for (var j = 0; j < 8; j++)
                        low[j] = nibbles[j] >> nibbleShift & Nibbles.Low;
                    var to = (uint*)(quants + b * BlockBytes);
                    Nibbles.PackRow(low, to, r);
                    for (var q = 0; q < 2; q++)
                    {
                        var packed = 0u;
                        for (var f = 0; f < 4; f++)
                            packed |= (high[4 * q + f] >> highShift & 0x03030303) << 2 * f;
                        to[Nibbles.Bytes / 4 + q * 16 + r] = packed;
                    }
                }
            }
    }

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* blocks)
    {
        for (var b = 0; b < 8; b++, quants += BlockBytes)
        {
            var block = blocks + b;
            Nibbles.Unpack(quants, block->Values);
            for (var j = 0; j < 8; j++)
                for (var i = 0; i < 64; i++)
                    block->Values[j * 64 + i] |= (byte)((quants[Nibbles.Bytes + j / 4 * 64 + i] >> j % 4 * 2 & 3) << 4);
            for (var r = 0; r < 16; r++)
            {
                block->Scales[r] = (float)((Half*)scales)[r];
                for (var half = 0; half < 2; half++)
                    block->HalfScales[half * 32 + 2 * r] = block->HalfScales[half * 32 + 2 * r + 1] =
                        ((sbyte*)scales)[HalfScales + b * 32 + half * 16 + r];
            }
        }
    }
}
