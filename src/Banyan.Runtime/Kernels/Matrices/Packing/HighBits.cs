using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// The fifth bit of a block: bit j of byte 4·r + i belongs to column 4·j + i of row r, so that vector j needs one shift and one mask.
/// </summary>
internal static unsafe class HighBits
{
    public const int Bytes = 64;

    /// <summary>Packs row <paramref name="row"/> from a word whose bit c belongs to column c.</summary>
    public static void PackRow(uint bits, uint* quants, int row)
    {
        var packed = 0u;
        for (var i = 0; i < 4; i++)
        {
            var t = bits >> i & 0x11111111; // bit 4·j: column 4·j + i
            t = (t | t >> 3) & 0x03030303;
            t = (t | t >> 6) & 0x000F000F;
            packed |= ((t | t >> 12) & 0xFF) << 8 * i;
        }
        quants[row] = packed;
    }

    /// <summary>The same of eight rows at once.</summary>
    public static Vector256<uint> Pack(Vector256<uint> bits)
    {
        var packed = Vector256<uint>.Zero;
        for (var i = 0; i < 4; i++)
        {
            var t = bits >>> i & Vector256.Create(0x11111111u);
            t = (t | t >>> 3) & Vector256.Create(0x03030303u);
            t = (t | t >>> 6) & Vector256.Create(0x000F000Fu);
            packed |= ((t | t >>> 12) & Vector256.Create(0xFFu)) << 8 * i;
        }
        return packed;
    }

    /// <summary>Adds 16 to the values whose bit is set.</summary>
    public static void Unpack(byte* quants, byte* values)
    {
        for (var j = 0; j < 8; j++)
            for (var i = 0; i < Bytes; i++)
                values[j * 64 + i] |= (byte)((quants[i] >> j & 1) << 4);
    }
}
