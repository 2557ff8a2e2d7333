using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Packing;

/// <summary>
/// F32: 16 rows of a column side by side. F16 and BF16: columns in pairs, a row's two values side by side (as the BF16 dot product wants them);
/// an odd last column has 0 beside it.
/// </summary>
internal static unsafe class FloatPacking
{
    public static void PackF32(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        PackDwords(source, rowBytes, columns, quants, EightRows.IsSupported);

    public static void PackHalfWords(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        PackDwords(source, rowBytes, columns / 2, quants, EightRows.IsSupported);
        PackOddColumn(source, rowBytes, columns, quants);
    }

    /// <summary>The reference.</summary>
    public static void PackF32Scalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        PackDwords(source, rowBytes, columns, quants, vectors: false);

    /// <inheritdoc cref="PackF32Scalar"/>
    public static void PackHalfWordsScalar(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        PackDwords(source, rowBytes, columns / 2, quants, vectors: false);
        PackOddColumn(source, rowBytes, columns, quants);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void PackDwords(byte* source, nint rowBytes, int count, byte* quants, bool vectors)
    {
        var done = 0;
        if (vectors)
        {
            var lanes = stackalloc Vector256<uint>[4];
            for (; done + 4 <= count; done += 4)
                for (var half = 0; half < 2; half++)
                {
                    EightRows.Load4(source + done * sizeof(uint) + half * EightRows.Rows * rowBytes, rowBytes, lanes);
                    EightRows.Store(lanes, 4, quants + done * EightRows.VectorBytes + half * EightRows.Bytes);
                }
        }
        for (var r = 0; r < PackedFormat.Rows; r++)
            for (var i = done; i < count; i++)
                ((uint*)quants)[i * PackedFormat.Rows + r] = ((uint*)(source + r * rowBytes))[i];
    }

    static void PackOddColumn(byte* source, nint rowBytes, int columns, byte* quants)
    {
        if (columns % 2 == 1)
            for (var r = 0; r < PackedFormat.Rows; r++)
                ((uint*)quants)[columns / 2 * PackedFormat.Rows + r] = ((ushort*)(source + r * rowBytes))[columns - 1];
    }
}
