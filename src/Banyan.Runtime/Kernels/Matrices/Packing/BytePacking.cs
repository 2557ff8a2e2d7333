using System.Runtime.CompilerServices;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// A byte a weight (<see cref="ByteFormat"/>): for each 32 columns the scales of 16 rows, their zeros, then each column's 16 bytes. They
/// are widened to floats and multiplied as such.
/// </summary>
internal static unsafe class BytePacking
{
    const int Columns = 32, Head = 2 * PackedFormat.Rows * sizeof(float), Group = Head + Columns * PackedFormat.Rows;

    public static PackedFormat Describe(WeightFormat format) => new(format, WeightKind.Float, 0, Group)
    {
        Pack = &Pack,
        PackScalar = &Pack,
        Widen = format == WeightFormat.F8 ? &WidenF8 : &WidenI8,
        WidenScalar = format == WeightFormat.F8 ? &WidenF8 : &WidenI8,
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        for (var group = 0; group < columns / Columns; group++, quants += Group)
            for (var r = 0; r < PackedFormat.Rows; r++)
            {
                var block = source + r * rowBytes + group * 40L;
                ((float*)quants)[r] = Unsafe.ReadUnaligned<float>(block);
                ((float*)quants)[PackedFormat.Rows + r] = Unsafe.ReadUnaligned<float>(block + 4);
                for (var c = 0; c < Columns; c++)
                    quants[Head + c * PackedFormat.Rows + r] = block[8 + c];
            }
    }

    static void WidenF8(byte* quants, int column, int columns, float* to) => Widen(ByteFormat.E4M3Values, quants, column, columns, to);

    static void WidenI8(byte* quants, int column, int columns, float* to) => Widen(ByteFormat.Numbers, quants, column, columns, to);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Widen(float[] values, byte* quants, int column, int columns, float* to)
    {
        fixed (float* table = values)
            for (var c = column; c < column + columns; c++, to += PackedFormat.Rows)
            {
                var group = quants + c / Columns * (long)Group;
                var codes = group + Head + c % Columns * PackedFormat.Rows;
                float* scales = (float*)group, zeros = scales + PackedFormat.Rows;
                for (var r = 0; r < PackedFormat.Rows; r++)
                    to[r] = scales[r] * (table[codes[r]] - zeros[r]);
            }
    }
}
