using System.Runtime.CompilerServices;

namespace Banyan.Runtime.Kernels.Packing;

/// <summary>
/// F32: 16 rows of a column side by side. F16 and BF16: columns in pairs, a row's two values side by side (as the BF16 dot product wants them);
/// an odd last column has 0 beside it.
/// </summary>
internal static unsafe class FloatPacking
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackF32(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        var to = (uint*)quants;
        for (var r = 0; r < PackedFormat.Rows; r++)
        {
            var from = (uint*)(source + r * rowBytes);
            for (var c = 0; c < columns; c++)
                to[c * 16 + r] = from[c];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackHalfWords(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        var to = (uint*)quants;
        for (var r = 0; r < PackedFormat.Rows; r++)
        {
            var from = (ushort*)(source + r * rowBytes);
            for (var c = 0; c + 1 < columns; c += 2)
                to[c / 2 * 16 + r] = *(uint*)(from + c);
            if (columns % 2 == 1)
                to[columns / 2 * 16 + r] = from[columns - 1];
        }
    }
}
