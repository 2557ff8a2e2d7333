using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// F32: 16 rows of a column side by side. F16 and BF16: columns in pairs, a row's two values side by side (as the BF16 dot product wants
/// them); an odd last column has 0 beside it.
/// </summary>
internal static unsafe class FloatPacking
{
    public static PackedFormat DescribeF32() => new(WeightFormat.F32, WeightKind.Float, 0, 64)
    {
        Pack = &PackF32,
        PackScalar = &PackF32Scalar,
        Widen = &CopyF32,
        WidenScalar = &CopyF32,
    };

    public static PackedFormat DescribeF16() => new(WeightFormat.F16, WeightKind.Float, 0, 64)
    {
        Pack = &PackHalfWords,
        PackScalar = &PackHalfWordsScalar,
        Widen = &WidenF16,
        WidenScalar = &WidenF16Scalar,
        Pairs = PairForm.F16,
    };

    public static PackedFormat DescribeBF16() => new(WeightFormat.BF16, WeightKind.Float, 0, 64)
    {
        Pack = &PackHalfWords,
        PackScalar = &PackHalfWordsScalar,
        Widen = &WidenBF16,
        WidenScalar = &WidenBF16Scalar,
        Pairs = PairForm.BF16,
    };

    public static void PackF32(byte* source, nint rowBytes, int columns, byte* scales, byte* quants) =>
        PackDwords(source, rowBytes, columns, quants, vectors: true);

    public static void PackHalfWords(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        PackDwords(source, rowBytes, columns / 2, quants, vectors: true);
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

    static void CopyF32(byte* quants, int column, int columns, float* to) =>
        Unsafe.CopyBlockUnaligned(to, quants + (long)column * 64, (uint)columns * 64);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void WidenF16(byte* quants, int column, int columns, float* to)
    {
        for (quants += (long)column / 2 * 64; columns > 0; columns -= 2, quants += 64, to += 32)
            for (var half = 0; half < 16; half += 8)
            {
                var pair = Vector256.Load((uint*)quants + half);
                HalfFloats.ToFloat(pair & Vector256.Create(0xFFFFu)).Store(to + half);
                if (columns > 1)
                    HalfFloats.ToFloat(pair >>> 16).Store(to + 16 + half);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void WidenBF16(byte* quants, int column, int columns, float* to)
    {
        for (quants += (long)column / 2 * 64; columns > 0; columns -= 2, quants += 64, to += 32)
            for (var half = 0; half < 16; half += 8)
            {
                var pair = Vector256.Load((uint*)quants + half);
                (pair << 16).AsSingle().Store(to + half);
                if (columns > 1)
                    (pair & Vector256.Create(0xFFFF0000u)).AsSingle().Store(to + 16 + half);
            }
    }

    static void WidenF16Scalar(byte* quants, int column, int columns, float* to)
    {
        for (var c = column; c < column + columns; c++)
            for (var r = 0; r < PackedFormat.Rows; r++)
                *to++ = (float)((Half*)quants)[Pair(c, r)];
    }

    static void WidenBF16Scalar(byte* quants, int column, int columns, float* to)
    {
        for (var c = column; c < column + columns; c++)
            for (var r = 0; r < PackedFormat.Rows; r++)
                *to++ = BitConverter.UInt32BitsToSingle((uint)((ushort*)quants)[Pair(c, r)] << 16);
    }

    static long Pair(int column, int row) => ((long)column / 2 * PackedFormat.Rows + row) * 2 + column % 2;
}
