using System.Runtime.CompilerServices;
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
    static AlignedBuffer? s_floats;

    /// <summary>Columns of a pair.</summary>
    public const int Columns = 2;

    const int Piece = 16; // floats that are rounded at a time

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
        var stride = (from.Columns + Piece - 1) / Piece * Piece / Columns;
        var pairs = new Matrix(Gemm.Grow(ref s_left, (long)stride * a.Rows), a.Rows, depth, stride, 1);
        var job = new RoundJob { From = from, To = pairs };
        if (pool is null)
            job.Work(0, 1);
        else
            pool.Run(ref job, Math.Clamp(a.Rows, 1, 4 * pool.Threads));
        return pairs;
    }

    /// <summary>Rounds <paramref name="count"/> floats; a last one alone has 0 beside it.</summary>
    public static void Round(float* from, int count, ushort* to)
    {
        var whole = count / Piece * Piece;
        Ladder.Current.RoundToPairs(from, whole, to);
        if (whole == count)
            return;
        var rest = stackalloc float[Piece];
        new Span<float>(from + whole, count - whole).CopyTo(new(rest, Piece));
        Ladder.Current.RoundToPairs(rest, Piece, to + whole);
    }

    /// <summary>to[pairs, width] = rows 2i and 2i + 1 of at most <paramref name="width"/> columns, rounded; missing values of a pair or at
    /// the right are 0.</summary>
    public static void OfRows(Matrix from, int width, float* to)
    {
        for (var row = 0; row < from.Rows; row += Columns, to += width)
        {
            float* even = from.Data + row * from.RowStride, odd = row + 1 < from.Rows ? even + from.RowStride : null;
            var whole = from.ColumnStride == 1 ? from.Columns & ~3 : 0;
            var column = 0;
            if (whole >= Panels.Columns)
            {
                var high = odd is null ? default : Rounded(Vector512.Load(odd)) & Vector512.Create(0xFFFF0000);
                (Rounded(Vector512.Load(even)) >>> 16 | high).Store((uint*)to);
                column = Panels.Columns;
            }
            for (; column < whole; column += 4)
            {
                var high = odd is null ? default : Rounded(Vector128.Load(odd + column)) & Vector128.Create(0xFFFF0000);
                (Rounded(Vector128.Load(even + column)) >>> 16 | high).Store((uint*)to + column);
            }
            for (; column < from.Columns; column++)
            {
                var at = column * from.ColumnStride;
                var high = odd is null ? 0 : Rounded(Vector128.CreateScalar(odd[at]))[0] & 0xFFFF0000;
                ((uint*)to)[column] = Rounded(Vector128.CreateScalar(even[at]))[0] >> 16 | high;
            }
            new Span<float>(to + from.Columns, width - from.Columns).Clear();
        }
    }

    // A float whose upper half is the nearest BF16.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<uint> Rounded(Vector512<float> x)
    {
        var bits = x.AsUInt32();
        var nearest = bits + Vector512.Create(0x7FFFu) + (bits >>> 16 & Vector512<uint>.One);
        return Vector512.ConditionalSelect(Vector512.Equals(x, x).AsUInt32(), nearest, bits | Vector512.Create(0x400000u));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> Rounded(Vector128<float> x)
    {
        var bits = x.AsUInt32();
        var nearest = bits + Vector128.Create(0x7FFFu) + (bits >>> 16 & Vector128<uint>.One);
        return Vector128.ConditionalSelect(Vector128.Equals(x, x).AsUInt32(), nearest, bits | Vector128.Create(0x400000u));
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

    public int UnitColumns => Panels.Pair;

    public bool IsInPlace => weights.Format.Pairs == PairForm.BF16;

    public nint PanelStride => (nint)weights.PanelBytes / sizeof(float);

    public float* Panel(int k, int column) =>
        (float*)(weights.Panel(column / Panels.Columns) + weights.QuantOffset) + (nint)k * Panels.Columns;

    public void Write(int k, int depth, int column, int columns, float* to)
    {
        s_panel ??= new AlignedBuffer(sizeof(float) * BFloat16Pairs.Columns * Gemm.MaxDepth * Panels.Columns);
        var first = k * BFloat16Pairs.Columns;
        var rows = Math.Min(depth * BFloat16Pairs.Columns, weights.Columns - first);
        for (var end = column + columns; column < end; column += Panels.Columns, to += (nint)depth * Panels.Columns)
        {
            Ladder.Current.Dequantize(weights, column / Panels.Columns, first, rows, s_panel.Floats);
            BFloat16Pairs.OfRows(new(s_panel.Floats, rows, Panels.Columns), Panels.Columns, to);
        }
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

    public int UnitColumns => Panels.Unit(weights);

    public bool IsInPlace => false;

    public nint PanelStride => 0;

    public float* Panel(int k, int column) => null;

    public void Write(int k, int depth, int column, int columns, float* to)
    {
        // From the beginning of a group on.
        var start = column / weights.Format.GroupColumns * weights.Format.GroupColumns;
        var (skipped, all) = (column - start, column - start + columns);
        all = Math.Min(weights.Columns - start,
            (all + weights.Format.GroupColumns - 1) / weights.Format.GroupColumns * weights.Format.GroupColumns);
        var panel = Gemm.Grow(ref s_panel, ((nint)all + Panels.Columns) * PairsOfPanel);
        var padding = (columns + Panels.Columns - 1) / Panels.Columns * Panels.Columns - columns;
        for (var row = 0; row < depth; row += PairsOfPanel)
        {
            // [columns, 8 pairs of W's rows] becomes [8 pairs, 16 columns] of each panel of the right side. Rows of W beyond the last are
            // 0.
            BFloat16Pairs.OfColumns(weights, (k + row) / PairsOfPanel, start, all, panel);
            new Span<float>(panel + (nint)(skipped + columns) * PairsOfPanel, padding * PairsOfPanel).Clear();
            var pairs = Math.Min(PairsOfPanel, depth - row);
            for (var first = 0; first < columns; first += Panels.Columns)
            {
                float* from = panel + (nint)(skipped + first) * PairsOfPanel, into = to + (nint)first * depth + row * Panels.Columns;
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

/// <summary>Floats in memory, converted to pairs.</summary>
internal readonly unsafe struct FloatPairs(Matrix matrix) : IRightSide
{
    [ThreadStatic]
    static AlignedBuffer? s_rows;

    public static bool IsPaired => true;

    public int Columns => matrix.Columns;

    public int UnitColumns => Panels.Pair;

    public bool IsInPlace => false;

    public nint PanelStride => 0;

    public float* Panel(int k, int column) => null;

    public void Write(int k, int depth, int column, int columns, float* to)
    {
        var rows = Math.Min(depth * BFloat16Pairs.Columns, matrix.Rows - k * BFloat16Pairs.Columns);
        var from = matrix.RowRange(k * BFloat16Pairs.Columns, rows).ColumnRange(column, columns);
        for (; columns > 0; columns -= Panels.Columns, to += (nint)depth * Panels.Columns)
        {
            var panel = from.ColumnRange(from.Columns - columns, Math.Min(columns, Panels.Columns));
            if (matrix.RowStride == 1)
                WriteTransposed(panel, depth, to);
            else
                BFloat16Pairs.OfRows(panel, Panels.Columns, to);
        }
    }

    // The rows of a column are adjacent, and so are its pairs: they are rounded as they lie, then turned.
    static void WriteTransposed(Matrix panel, int depth, float* to)
    {
        var padded = (depth + 15) / 16 * 16;
        var rows = Gemm.Grow(ref s_rows, (nint)padded * Panels.Columns);
        for (var c = 0; c < Panels.Columns; c++)
            if (c < panel.Columns)
                BFloat16Pairs.Round(panel.Data + c * panel.ColumnStride, panel.Rows, (ushort*)(rows + c * padded));
            else
                new Span<float>(rows + c * padded, depth).Clear();
        var whole = depth & ~3;
        Panels.Transpose(rows, padded, whole, to);
        for (var pair = whole; pair < depth; pair++)
            for (var c = 0; c < Panels.Columns; c++)
                to[pair * Panels.Columns + c] = rows[c * padded + pair];
    }
}
