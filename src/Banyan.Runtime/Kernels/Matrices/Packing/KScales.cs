using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// The scales of a group of 256 columns of Q4_K and Q5_K in 256 bytes, as many as in the file: 16 F16 scales d, 16 F16 dmin, then for each
/// two blocks 3 × 16 bytes, a byte a row: the even block's 6-bit scale and the low two bits of its min; the odd block's; and the high four
/// bits of both mins. Block weight = d·scale × value − dmin·min.
/// </summary>
internal static unsafe class KScales
{
    public const int Pairs = 64, PairBytes = 48;

    /// <summary>Packs row <paramref name="row"/> from the file's d, dmin and 12 bytes of 6-bit numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackRow(byte* block, byte* scales, int row)
    {
        ((ushort*)scales)[row] = *(ushort*)block;
        ((ushort*)scales)[16 + row] = *(ushort*)(block + 2);
        var packed = block + 4;
        for (var pair = 0; pair < 4; pair++)
        {
            var (scale0, min0) = ScaleAndMin(packed, 2 * pair);
            var (scale1, min1) = ScaleAndMin(packed, 2 * pair + 1);
            var to = scales + Pairs + pair * PairBytes + row;
            to[0] = (byte)(scale0 | (min0 & 3) << 6);
            to[16] = (byte)(scale1 | (min1 & 3) << 6);
            to[32] = (byte)(min0 >> 2 | min1 >> 2 << 4);
        }
    }

    /// <summary>Packs eight rows at once, of half <paramref name="half"/> of the panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(byte* block, nint rowBytes, byte* scales, int half)
    {
        var lanes = stackalloc Vector256<uint>[4];
        EightRows.Load4(block, rowBytes, lanes);
        EightRows.CopyWords(block, rowBytes, scales + half * 16);
        EightRows.CopyWords(block + 2, rowBytes, scales + 32 + half * 16);
        // Byte i of a: block i's scale; of b: its min; of c: the low four bits of block 4 + i's, whose high two are the upper bits of a and
        // b.
        var (a, b, c) = (lanes[1], lanes[2], lanes[3]);
        var (six, four, two) = (Vector256.Create(0x3F3F3F3Fu), Vector256.Create(0x0F0F0F0Fu), Vector256.Create(0x30303030u));
        var to = scales + Pairs + half * EightRows.Rows;
        Store(a & six, b & six, to);
        Store((c & four) | (a >>> 2 & two), (c >>> 4 & four) | (b >>> 2 & two), to + 2 * PairBytes);
    }

    // The scales and mins of two pairs of blocks.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(Vector256<uint> scales, Vector256<uint> mins, byte* to)
    {
        var low = EightRows.ByByte(scales | (mins & Vector256.Create(0x03030303u)) << 6);
        var rest = mins >>> 2 & Vector256.Create(0x0F0F0F0Fu);
        var high = EightRows.ByByte(rest | rest >>> 4);
        for (var pair = 0; pair < 2; pair++, to += PairBytes)
        {
            *(ulong*)to = low[2 * pair];
            *(ulong*)(to + 16) = low[2 * pair + 1];
            *(ulong*)(to + 32) = high[2 * pair];
        }
    }

    /// <summary>The file's 6-bit scale and min of block 0…7.</summary>
    static (int Scale, int Min) ScaleAndMin(byte* packed, int block) => block < 4
        ? (packed[block] & 63, packed[block + 4] & 63)
        : (packed[block + 4] & 15 | packed[block - 4] >> 6 << 4, packed[block + 4] >> 4 | packed[block] >> 6 << 4);

    public static void Unpack(byte* scales, UnpackedBlock* blocks)
    {
        for (var r = 0; r < 16; r++)
        {
            var (d, dmin) = ((float)((Half*)scales)[r], (float)((Half*)scales)[16 + r]);
            for (var pair = 0; pair < 4; pair++)
            {
                var from = scales + Pairs + pair * PairBytes + r;
                blocks[2 * pair].Scales[r] = d * (from[0] & 63);
                blocks[2 * pair].Mins[r] = -(dmin * (from[0] >> 6 | (from[32] & 15) << 2));
                blocks[2 * pair + 1].Scales[r] = d * (from[16] & 63);
                blocks[2 * pair + 1].Mins[r] = -(dmin * (from[16] >> 6 | from[32] >> 4 << 2));
            }
        }
    }
}
