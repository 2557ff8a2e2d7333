using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// The layout of the low four bits of a block, shared by all formats of 4, 5 and 6 bits: byte 64·p + 4·r + i holds column 4·p + i of row r
/// in its low half and column 16 + 4·p + i in its high half; so vector j of the unpacked block is a half of vector j mod 4.
/// </summary>
internal static unsafe class Nibbles
{
    public const int Bytes = 256;
    public const uint Low = 0x0F0F0F0F;

    /// <summary>
    /// Packs row <paramref name="row"/>: dword j of <paramref name="columns"/> holds columns 4·j…4·j+3, each a byte of 0…15.
    /// </summary>
    public static void PackRow(uint* columns, uint* quants, int row)
    {
        for (var p = 0; p < 4; p++)
            quants[p * 16 + row] = columns[p] | columns[p + 4] << 4;
    }

    /// <summary>The same of eight rows at once, whose nibbles are at bit <paramref name="shift"/> of each byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pack(Vector256<uint>* columns, int shift, byte* quants)
    {
        var low = Vector256.Create(Low);
        for (var p = 0; p < 4; p++)
            ((columns[p] >>> shift & low) | (columns[p + 4] >>> shift & low) << 4).Store((uint*)(quants + p * EightRows.VectorBytes));
    }

    public static void Unpack(byte* quants, byte* values)
    {
        for (var i = 0; i < Bytes; i++)
        {
            values[i] = (byte)(quants[i] & 15);
            values[i + Bytes] = (byte)(quants[i] >> 4);
        }
    }
}
