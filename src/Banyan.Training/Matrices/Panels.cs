using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Training.Matrices;

/// <summary>
/// The right side of a product, a piece at a time: rows [k, k + depth) of it as panels of 16 columns, [depth, 16] floats each, one after
/// the other. Columns beyond the last are 0.
/// </summary>
internal unsafe interface IRightSide
{
    /// <summary>Whether the right side is pairs of BF16: a float's place holds two rows of a column, and the depth counts pairs.</summary>
    static abstract bool IsPaired { get; }

    /// <summary>Columns of the result.</summary>
    int Columns { get; }

    /// <summary>Whether it is in memory as such panels, <see cref="PanelStride"/> floats apart, and nothing has to be written.</summary>
    bool IsInPlace { get; }

    nint PanelStride { get; }

    /// <summary>Where row <paramref name="k"/> of the panel of <paramref name="column"/> lies, if it is in place.</summary>
    float* Panel(int k, int column);

    /// <summary>The number of columns that are cheapest to write together, starting at a multiple of it; a multiple of 32.</summary>
    int UnitColumns { get; }

    /// <summary>
    /// Writes the panels of columns [<paramref name="column"/>, + <paramref name="columns"/>), a unit or some of it; the first is a
    /// multiple of 32.
    /// </summary>
    void Write(int k, int depth, int column, int columns, float* to);
}

internal static unsafe class Panels
{
    /// <summary>Columns of a panel: rows of a panel of weights.</summary>
    public const int Columns = PackedFormat.Rows;

    /// <summary>Columns of the two panels that a tile reads.</summary>
    public const int Pair = 2 * Columns;

    /// <summary>
    /// Columns of packed weights that are read together for panels across their rows: whole groups.
    /// </summary>
    public static int Unit(PackedMatrix weights) => Math.Max(Pair, weights.Format.GroupColumns);

    /// <summary>Where panel <paramref name="panel"/> of a piece begins.</summary>
    public static nint Offset(int panel, int depth) => (nint)panel * depth * Columns;

    /// <summary>to[rows, 16] = the transpose of from[16, rows]; strides in floats. Rows is a multiple of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(float* from, nint stride, int rows, float* to)
    {
        for (; Avx512F.IsSupported && rows >= Columns; rows -= Columns, from += Columns, to += Columns * Columns)
            Transpose16(from, stride, to);
        for (var column = 0; column < Columns; column += 4)
        {
            float* a = from + column * stride, b = a + stride, c = b + stride, d = c + stride;
            for (var row = 0; row < rows; row += 4)
                Transpose4(a + row, b + row, c + row, d + row, to + row * Columns + column);
        }
    }

    // Rows are interleaved within each quarter of the vectors, as below; then quarters are exchanged.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Transpose16(float* from, nint stride, float* to)
    {
        const byte Even = 0x88, Odd = 0xDD; // quarters
        for (var half = 0; half < 2; half++, to += 2 * Columns)
        {
            // Columns 2 half and 2 half + 1 of each quarter.
            var (a, b) = Interleave(from, stride, half);
            var (c, d) = Interleave(from + 4 * stride, stride, half);
            var (e, f) = Interleave(from + 8 * stride, stride, half);
            var (g, h) = Interleave(from + 12 * stride, stride, half);
            Store(a, c, e, g, to);
            Store(b, d, f, h, to + Columns);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static (Vector512<float>, Vector512<float>) Interleave(float* from, nint stride, int half)
        {
            Vector512<float> w = Vector512.Load(from), x = Vector512.Load(from + stride), y = Vector512.Load(from + 2 * stride), z =
                Vector512.Load(from + 3 * stride);
            var first = (half == 0 ? Avx512F.UnpackLow(w, x) : Avx512F.UnpackHigh(w, x)).AsDouble();
            var second = (half == 0 ? Avx512F.UnpackLow(y, z) : Avx512F.UnpackHigh(y, z)).AsDouble();
            return (Avx512F.UnpackLow(first, second).AsSingle(), Avx512F.UnpackHigh(first, second).AsSingle());
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Store(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* to)
        {
            Vector512<float> even = Avx512F.Shuffle4x128(a, b, Even), last = Avx512F.Shuffle4x128(c, d, Even);
            Avx512F.Shuffle4x128(even, last, Even).Store(to);
            Avx512F.Shuffle4x128(even, last, Odd).Store(to + 8 * Columns);
            even = Avx512F.Shuffle4x128(a, b, Odd);
            last = Avx512F.Shuffle4x128(c, d, Odd);
            Avx512F.Shuffle4x128(even, last, Even).Store(to + 4 * Columns);
            Avx512F.Shuffle4x128(even, last, Odd).Store(to + 12 * Columns);
        }
    }

    // Pairs of rows are interleaved, then pairs of pairs: unpcklps and unpckhps where the processor has them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Transpose4(float* a, float* b, float* c, float* d, float* to)
    {
        Vector128<float> w = Vector128.Load(a), x = Vector128.Load(b), y = Vector128.Load(c), z = Vector128.Load(d);
        Vector128<double> low = Low(w, x).AsDouble(), next = Low(y, z).AsDouble(), high = High(w, x)
            .AsDouble(), last = High(y, z).AsDouble();
        Low(low, next).AsSingle().Store(to);
        High(low, next).AsSingle().Store(to + Columns);
        Low(high, last).AsSingle().Store(to + 2 * Columns);
        High(high, last).AsSingle().Store(to + 3 * Columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> Low(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> High(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<double> Low(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<double> High(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);
}

/// <summary>Floats in memory as the right side.</summary>
internal readonly unsafe struct FloatRightSide(Matrix matrix) : IRightSide
{
    public static bool IsPaired => false;

    public bool IsInPlace => false;

    public nint PanelStride => 0;

    public float* Panel(int k, int column) => null;

    public int Columns => matrix.Columns;

    public int UnitColumns => Panels.Pair;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Write(int k, int depth, int column, int columns, float* to)
    {
        for (; columns > 0; columns -= Panels.Columns, column += Panels.Columns, to += (nint)depth * Panels.Columns)
        {
            var from = matrix.Data + k * matrix.RowStride + column * matrix.ColumnStride;
            if (columns < Panels.Columns)
                WriteLast(from, depth, columns, to);
            else if (matrix.ColumnStride == 1)
                for (var row = 0; row < depth; row++)
                    Vector512.Load(from + row * matrix.RowStride).Store(to + row * Panels.Columns);
            else if (matrix.RowStride == 1)
            {
                var whole = depth & ~3;
                Panels.Transpose(from, matrix.ColumnStride, whole, to);
                WriteElements(from + whole, depth - whole, Panels.Columns, to + whole * Panels.Columns);
            }
            else
                WriteElements(from, depth, Panels.Columns, to);
        }
    }

    void WriteLast(float* from, int depth, int columns, float* to)
    {
        new Span<float>(to, depth * Panels.Columns).Clear();
        WriteElements(from, depth, columns, to);
    }

    void WriteElements(float* from, int depth, int columns, float* to)
    {
        for (var row = 0; row < depth; row++)
            for (var i = 0; i < columns; i++)
                to[row * Panels.Columns + i] = from[row * matrix.RowStride + i * matrix.ColumnStride];
    }
}

/// <summary>Wᵀ of packed weights, for y = x·Wᵀ: their own panels are the right side's, as floats.</summary>
internal readonly unsafe struct ForwardRightSide(PackedMatrix weights) : IRightSide
{
    public static bool IsPaired => false;

    public bool IsInPlace => weights.Format.Format == WeightFormat.F32;

    public nint PanelStride => (nint)weights.PanelBytes / sizeof(float);

    public float* Panel(int k, int column) =>
        (float*)(weights.Panel(column / Panels.Columns) + weights.QuantOffset) + (nint)k * Panels.Columns;

    public int Columns => weights.Rows;

    public int UnitColumns => Panels.Pair;

    public void Write(int k, int depth, int column, int columns, float* to)
    {
        for (var end = column + columns; column < end; column += Panels.Columns, to += (nint)depth * Panels.Columns)
            Ladder.Current.Dequantize(weights, column / Panels.Columns, k, depth, to);
    }
}

/// <summary>W of packed weights, for dx = dy·W: their panels, transposed.</summary>
internal readonly unsafe struct BackwardRightSide(PackedMatrix weights) : IRightSide
{
    [ThreadStatic]
    static AlignedBuffer? s_panel;

    public static bool IsPaired => false;

    public bool IsInPlace => false;

    public nint PanelStride => 0;

    public float* Panel(int k, int column) => null;

    public int Columns => weights.Columns;

    public int UnitColumns => Panels.Unit(weights);

    public void Write(int k, int depth, int column, int columns, float* to)
    {
        // From the beginning of a group on.
        var start = column / weights.Format.GroupColumns * weights.Format.GroupColumns;
        var (skipped, all) = (column - start, column - start + columns);
        all = Math.Min(weights.Columns - start,
            (all + weights.Format.GroupColumns - 1) / weights.Format.GroupColumns * weights.Format.GroupColumns);
        var panel = Gemm.Grow(ref s_panel, ((nint)all + Panels.Columns) * Panels.Columns);
        for (var row = 0; row < depth; row += Panels.Columns)
        {
            Ladder.Current.Dequantize(weights, (k + row) / Panels.Columns, start, all, panel);
            // [columns, 16 rows of W] becomes [16 rows, 16 columns] of each panel of the right side.
            for (var first = 0; first < columns; first += Panels.Columns)
            {
                var rows = Math.Min(Panels.Columns, depth - row);
                float* from = panel + (nint)(skipped + first) * Panels.Columns, into = to + (nint)first * depth + row * Panels.Columns;
                if (columns - first < Panels.Columns)
                    new Span<float>(from + (columns - first) * Panels.Columns, (first + Panels.Columns - columns) * Panels.Columns).Clear();
                if (rows % 4 == 0)
                    Panels.Transpose(from, Panels.Columns, rows, into);
                else
                    for (var r = 0; r < rows; r++)
                        for (var c = 0; c < Panels.Columns; c++)
                            into[r * Panels.Columns + c] = from[c * Panels.Columns + r];
            }
        }
    }
}
