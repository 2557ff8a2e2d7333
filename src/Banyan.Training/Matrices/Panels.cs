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

    /// <summary>Columns that are cheapest written together, a multiple of 16: a unit of work.</summary>
    int UnitColumns { get; }

    /// <summary>
    /// Writes the panels of columns [<paramref name="column"/>, + <paramref name="columns"/>), a unit or what is left of the last.
    /// </summary>
    void Write(int k, int depth, int column, int columns, float* to);
}

internal static unsafe class Panels
{
    /// <summary>Columns of a panel: rows of a panel of weights.</summary>
    public const int Columns = PackedFormat.Rows;

    /// <summary>Where panel <paramref name="panel"/> of a piece begins.</summary>
    public static nint Offset(int panel, int depth) => (nint)panel * depth * Columns;

    /// <summary>to[rows, 16] = the transpose of from[16, rows]; strides in floats. Rows is a multiple of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(float* from, nint stride, int rows, float* to)
    {
        for (var column = 0; column < Columns; column += 4)
        {
            float* a = from + column * stride, b = a + stride, c = b + stride, d = c + stride;
            for (var row = 0; row < rows; row += 4)
                Transpose4(a + row, b + row, c + row, d + row, to + row * Columns + column);
        }
    }

    // Pairs of rows are interleaved, then pairs of pairs: unpcklps and unpckhps where the processor has them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Transpose4(float* a, float* b, float* c, float* d, float* to)
    {
        Vector128<float> w = Vector128.Load(a), x = Vector128.Load(b), y = Vector128.Load(c), z = Vector128.Load(d);
        Vector128<double> low = Low(w, x).AsDouble(), next = Low(y, z).AsDouble(), high = High(w, x).AsDouble(), last = High(y, z).AsDouble();
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

    public int UnitColumns => 4 * Panels.Columns;

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

    public float* Panel(int k, int column) => (float*)(weights.Panel(column / Panels.Columns) + weights.QuantOffset) + (nint)k * Panels.Columns;

    public int Columns => weights.Rows;

    public int UnitColumns => Panels.Columns;

    public void Write(int k, int depth, int column, int columns, float* to) =>
        Ladder.Current.Dequantize(weights, column / Panels.Columns, k, depth, to);
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

    /// <summary>Where panels can be entered.</summary>
    public int UnitColumns => Gemm.MaxDepth;

    public void Write(int k, int depth, int column, int columns, float* to)
    {
        s_panel ??= new AlignedBuffer(sizeof(float) * (Gemm.MaxDepth + Panels.Columns) * Panels.Columns);
        var panel = s_panel.Floats;
        for (var row = 0; row < depth; row += Panels.Columns)
        {
            Ladder.Current.Dequantize(weights, (k + row) / Panels.Columns, column, columns, panel);
            // [columns, 16 rows of W] becomes [16 rows, 16 columns] of each panel of the right side.
            for (var first = 0; first < columns; first += Panels.Columns)
            {
                var rows = Math.Min(Panels.Columns, depth - row);
                var into = to + (nint)first * depth + row * Panels.Columns;
                if (columns - first < Panels.Columns)
                    new Span<float>(panel + columns * Panels.Columns, (first + Panels.Columns - columns) * Panels.Columns).Clear();
                if (rows % 4 == 0)
                    Panels.Transpose(panel + first * Panels.Columns, Panels.Columns, rows, into);
                else
                    for (var r = 0; r < rows; r++)
                        for (var c = 0; c < Panels.Columns; c++)
                            into[r * Panels.Columns + c] = panel[(first + c) * Panels.Columns + r];
            }
        }
    }
}
