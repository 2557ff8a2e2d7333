using System.Runtime.CompilerServices;

namespace Banyan.Runtime.Kernels.Packing;

/// <summary>
/// The scales of a group of 256 columns of Q4_K and Q5_K in 256 bytes, as many as in the file: 16 F16 scales d, 16 F16 dmin, then for each
/// two blocks 3 × 16 bytes, a byte a row: the even block's 6-bit scale and the low two bits of its min; the odd block's; and the high four bits
/// of both mins. Block weight = d·scale × value − dmin·min.
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
