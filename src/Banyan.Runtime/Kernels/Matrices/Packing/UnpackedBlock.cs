using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// 16 rows × 32 columns of integer weights, ready to be multiplied, the same for every format: byte 64·j + 4·r + i is row r, column 4·j +
/// i. Weight = Scale × value (signed), Scale × value + Min, or with half scales Scale × HalfScale × (value − 32).
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = Bytes)]
internal unsafe struct UnpackedBlock
{
    public const int Rows = 16, Columns = 32, Bytes = 768;

    /// <summary>Where the fields lie.</summary>
    public const int ScalesAt = 512, MinsAt = 576, HalfScalesAt = 640, LastScalesAt = HalfScalesAt, LastMinsAt = LastScalesAt + 64;

    public fixed byte Values[Rows * Columns];

    /// <summary>One a row.</summary>
    public fixed float Scales[Rows];

    /// <summary>One a row; only for kinds that have one.</summary>
    public fixed float Mins[Rows];

    /// <summary>
    /// Where each 16 columns have scales or minima of their own, one a row: those of the last 16, those above being of the first.
    /// </summary>
    public float* LastScales => (float*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref HalfScales[0]);

    /// <summary>See <see cref="LastScales"/>.</summary>
    public float* LastMins => LastScales + Rows;

    /// <summary>[half, row, 2]: an int8 scale twice in a row, as the pairwise multiply wants it; only for kinds that have them.</summary>
    public fixed short HalfScales[2 * Rows * 2];

    /// <summary>
    /// Makes values of the given number of bits, from 0 on, signed ones in the upper bits of their bytes: 0 becomes −128.
    /// </summary>
    public void ToUpperBits(int bits)
    {
        for (var i = 0; i < Rows * Columns; i++)
            Values[i] = (byte)(Values[i] << 8 - bits ^ 0x80);
    }
}
