using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Training.Matrices;

/// <summary>
/// Both sides of a product as pairs of BF16 (rounded to the nearest, ties to even), each in a float's place: of the left side two columns
/// of a row, of the right side two rows of a column.
/// </summary>
internal static unsafe class BFloat16Pairs
{
    // Of the thread that runs the product.
    [ThreadStatic]
    static AlignedBuffer? s_left;

    // Of any thread.
    [ThreadStatic]
    static AlignedBuffer? s_floats, s_rounded;

    /// <summary>Columns of a pair.</summary>
    public const int Columns = 2;

    const int Rounded = 16; // floats at a time

    /// <summary>Floats' places for the given number of columns.</summary>
    public static int Count(int columns) => (columns + 1) / 2;

    /// <summary>
    /// Pairs [<paramref name="k"/>, + <paramref name="depth"/>) of each row of a left side whose columns are adjacent. They are in memory
    /// of this thread until the next call.
    /// </summary>
    public static Matrix Of(Matrix a, int k, int depth, WorkerPool? pool)
    {
        if (a.ColumnStride != 1)
            throw new ArgumentException("its columns are apart", nameof(a));
        var from = a.ColumnRange(k * Columns, Math.Min(depth * Columns, a.Columns - k * Columns));
        var stride = (from.Columns + Rounded - 1) / Rounded * Rounded / Columns;
        var pairs = new Matrix(Gemm.Grow(ref s_left, (long)stride * a.Rows), a.Rows, depth, stride, 1);
        var job = new RoundJob { From = from, To = pairs };
        if (pool is null)
            job.Work(0, 1);
        else
            pool.Run(ref job, Math.Clamp(a.Rows, 1, 4 * pool.Threads));
        return pairs;
    }

    /// <summary>Rounds <paramref name="count"/> floats; a last one alone has 0 beside it.</summary>
    static void Round(float* from, int count, ushort* to)
    {
        var whole = count / Rounded * Rounded;
        Ladder.Current.RoundToPairs(from, whole, to);
        if (whole == count)
            return;
        var rest = stackalloc float[Rounded];
        new Span<float>(from + whole, count - whole).CopyTo(new(rest, Rounded));
        Ladder.Current.RoundToPairs(rest, Rounded, to + whole);
    }

    /// <summary>to[pairs, 16] = rows 2i and 2i + 1 of from[rows, 16], rounded and interleaved; an odd last row has 0 beside it.</summary>
    public static void OfRows(float* from, int rows, float* to)
    {
        var rounded = (ushort*)Gemm.Grow(ref s_rounded, (rows + 1) * Panels.Columns / 2);
        Ladder.Current.RoundToPairs(from, (long)rows * Panels.Columns, rounded);
        if (rows % 2 == 1)
            new Span<ushort>(rounded + rows * Panels.Columns, Panels.Columns).Clear();
        for (var row = 0; row < rows; row += 2, rounded += 2 * Panels.Columns, to += Panels.Columns)
        {
            var both = Vector512.Load(rounded);
            (Vector512.WidenLower(both) | Vector512.WidenUpper(both) << 16).Store((uint*)to);
        }
    }

    /// <summary>
    /// to[columns, 8] = columns [column, + columns) of 16 rows of weights, rounded; two neighbouring rows are a pair. A float column after
    /// them may be written too.
    /// </summary>
    public static void OfColumns(PackedMatrix weights, int panel, int column, int columns, float* to)
    {
        if (weights.Format.Pairs == PairForm.BF16)
        {
            // Two neighbouring columns share dwords there: all rows of the one, then all of the other.
            var from = (uint*)(weights.Panel(panel) + weights.QuantOffset) + (nint)column / 2 * Panels.Columns;
            for (; columns > 0; columns -= 2, from += Panels.Columns, to += Panels.Columns)
            {
                var both = Vector512.Load(from);
                Avx512F.ConvertToVector256UInt16(both).Store((ushort*)to);
                Avx512F.ConvertToVector256UInt16(both >> 16).Store((ushort*)to + Panels.Columns);
            }
            return;
        }
        var floats = Gemm.Grow(ref s_floats, (long)columns * Panels.Columns);
        Ladder.Current.Dequantize(weights, panel, column, columns, floats);
        Ladder.Current.RoundToPairs(floats, (long)columns * Panels.Columns, (ushort*)to);
    }

    struct RoundJob : IJob
    {
        public Matrix From, To;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, From.Rows);
            for (var row = first; row < end; row++)
                Round(From.Data + row * From.RowStride, From.Columns, (ushort*)(To.Data + row * To.RowStride));
        }
    }
}

/// <summary>Wᵀ of packed weights in pairs, for y = x·Wᵀ: BF16 panels as they are in memory, others rounded.</summary>
internal readonly unsafe struct ForwardBFloat16(PackedMatrix weights) : IRightSide
{
    [ThreadStatic]
    static AlignedBuffer? s_panel;

    public static bool IsPaired => true;

    public int Columns => weights.Rows;

    public int UnitColumns => Panels.Columns;

    public bool IsInPlace => weights.Format.Pairs == PairForm.BF16;

    public nint PanelStride => (nint)weights.PanelBytes / sizeof(float);

    public float* Panel(int k, int column) => (float*)(weights.Panel(column / Panels.Columns) + weights.QuantOffset) + (nint)k * Panels.Columns;

    public void Write(int k, int depth, int column, int columns, float* to)
    {
        s_panel ??= new AlignedBuffer(sizeof(float) * BFloat16Pairs.Columns * Gemm.MaxDepth * Panels.Columns);
        var first = k * BFloat16Pairs.Columns;
        var rows = Math.Min(depth * BFloat16Pairs.Columns, weights.Columns - first);
        Ladder.Current.Dequantize(weights, column / Panels.Columns, first, rows, s_panel.Floats);
        BFloat16Pairs.OfRows(s_panel.Floats, rows, to);
    }
}

/// <summary>W of packed weights in pairs, for dx = dy·W: their panels, transposed.</summary>
internal readonly unsafe struct BackwardBFloat16(PackedMatrix weights) : IRightSide
{
    const int PairsOfPanel = Panels.Columns / BFloat16Pairs.Columns;

    [ThreadStatic]
    static AlignedBuffer? s_panel;

    public static bool IsPaired => true;

    public int Columns => weights.Columns;

    /// <summary>Where panels can be entered.</summary>
    public int UnitColumns => Gemm.MaxDepth;

    public bool IsInPlace => false;

    public nint PanelStride => 0;

    public float* Panel(int k, int column) => null;

    public void Write(int k, int depth, int column, int columns, float* to)
    {
        s_panel ??= new AlignedBuffer(sizeof(float) * (Gemm.MaxDepth + Panels.Columns) * PairsOfPanel);
        var panel = s_panel.Floats;
        var padded = (columns + Panels.Columns - 1) / Panels.Columns * Panels.Columns;
        for (var row = 0; row < depth; row += PairsOfPanel)
        {
            // [columns, 8 pairs of W's rows] becomes [8 pairs, 16 columns] of each panel of the right side. Rows of W beyond the last are
            // 0.
            BFloat16Pairs.OfColumns(weights, (k + row) / PairsOfPanel, column, columns, panel);
            new Span<float>(panel + columns * PairsOfPanel, (padded - columns) * PairsOfPanel).Clear();
            var pairs = Math.Min(PairsOfPanel, depth - row);
            for (var first = 0; first < padded; first += Panels.Columns)
            {
                float* from = panel + first * PairsOfPanel, into = to + (nint)first * depth + row * Panels.Columns;
                if (pairs % 4 == 0)
                    Panels.Transpose(from, PairsOfPanel, pairs, into);
                else
                    for (var pair = 0; pair < pairs; pair++)
                        for (var c = 0; c < Panels.Columns; c++)
                            into[pair * Panels.Columns + c] = from[c * PairsOfPanel + pair];
            }
        }
    }
}
