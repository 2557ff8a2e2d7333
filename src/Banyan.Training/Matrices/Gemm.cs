using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Training.Matrices;

/// <summary>
/// The matrix products of training: C = scale · A·B, or C += scale · A·B, in float32, as Goto and van de Geijn arrange them
/// (ACM TOMS 34, 2008): a piece of B is written as panels that a tile reads in order, then tiles fill C.
/// <code>
/// for each 4,096 rows of A and C, for each 4,096 columns of B and C
///   for each 256 of the depth                     so that two panels stay in the first-level cache or near it, A's rows in the second
///     write the panels of B, if it does not lie so  weights become floats here, a piece at a time
///     write A, if its columns are not adjacent
///     for each two panels, for each 12 rows: a tile
/// </code>
/// An element's sum has the same order whatever the number of threads, so results do not depend on it.
/// <para>
/// Products with frozen weights can round both sides to BF16, two columns in a float's place, and sum in float32:
/// <see cref="HasBFloat16"/>.
/// </para>
/// </summary>
internal static unsafe class Gemm
{
    /// <summary>Of a piece, in floats or pairs. Packed weights can be entered at its multiples.</summary>
    public const int MaxDepth = 256;

    /// <summary>Whether products of BF16 pairs can be computed here.</summary>
    public static bool HasBFloat16 => AssembledTile.IsSupported && ProcessorFacts.Current.HasAvx512Bf16;

    const int MaxColumns = 4096, MaxRows = 4096;

    /// <summary>Parts a thread: the last to finish is waited for.</summary>
    const int PartsPerThread = 4;

    /// <summary>
    /// c[m, n] = (c +) scale · a[m, k] · b[k, n]; c overlaps neither. Without a pool it runs on this thread, as within a job.
    /// </summary>
    public static void Multiply(Matrix a, Matrix b, Matrix c, WorkerPool? pool, float scale = 1, bool add = false)
    {
        if (a.Columns != b.Rows || a.Rows != c.Rows || b.Columns != c.Columns)
            throw new ArgumentException($"[{a.Rows}, {a.Columns}] · [{b.Rows}, {b.Columns}] is not [{c.Rows}, {c.Columns}].", nameof(c));
        if (Ladder.UsesVectors)
            Run(a, new FloatRightSide(b), c, pool, scale, add);
        else
            Reference(a, b, c, scale, add);
    }

    /// <summary>
    /// Forward through frozen weights: y[tokens, w.Rows] = (y +) scale · x[tokens, w.Columns] · Wᵀ. <paramref name="bfloat16"/>: x, whose
    /// columns are adjacent, and W are rounded to BF16, where <see cref="HasBFloat16"/>.
    /// </summary>
    public static void Forward(Matrix x, PackedMatrix w, Matrix y, WorkerPool? pool, float scale = 1, bool add = false, bool bfloat16 = false)
    {
        if (x.Columns != w.Columns || x.Rows != y.Rows || w.Rows != y.Columns)
            throw new ArgumentException($"[{x.Rows}, {x.Columns}] · [{w.Rows}, {w.Columns}]ᵀ is not [{y.Rows}, {y.Columns}].", nameof(y));
        if (bfloat16)
            Run(x, new ForwardBFloat16(w), y, pool, scale, add);
        else if (Ladder.UsesVectors)
            Run(x, new ForwardRightSide(w), y, pool, scale, add);
        else
            Reference(x, w, y, scale, add, transposed: true);
    }

    /// <summary>
    /// Backward through frozen weights: dx[tokens, w.Columns] = (dx +) scale · dy[tokens, w.Rows] · W; <paramref name="bfloat16"/> as
    /// forward.
    /// </summary>
    public static void Backward(Matrix dy, PackedMatrix w, Matrix dx, WorkerPool? pool, float scale = 1, bool add = false, bool bfloat16 = false)
    {
        if (dy.Columns != w.Rows || dy.Rows != dx.Rows || w.Columns != dx.Columns)
            throw new ArgumentException($"[{dy.Rows}, {dy.Columns}] · [{w.Rows}, {w.Columns}] is not [{dx.Rows}, {dx.Columns}].", nameof(dx));
        if (bfloat16)
            Run(dy, new BackwardBFloat16(w), dx, pool, scale, add);
        else if (Ladder.UsesVectors)
            Run(dy, new BackwardRightSide(w), dx, pool, scale, add);
        else
            Reference(dy, w, dx, scale, add, transposed: false);
    }

    /// <summary>Plain loops: what the tiles compute, within rounding.</summary>
    internal static void Reference(Matrix a, Matrix b, Matrix c, float scale, bool add)
    {
        for (var m = 0; m < c.Rows; m++)
            for (var n = 0; n < c.Columns; n++)
            {
                var sum = 0f;
                for (var k = 0; k < a.Columns; k++)
                    sum = MathF.FusedMultiplyAdd(a.Data[m * a.RowStride + k * a.ColumnStride], b.Data[k * b.RowStride + n * b.ColumnStride], sum);
                ref var to = ref c.Data[m * c.RowStride + n * c.ColumnStride];
                to = add ? MathF.FusedMultiplyAdd(scale, sum, to) : scale * sum;
            }
    }

    static void Reference(Matrix a, PackedMatrix w, Matrix c, float scale, bool add, bool transposed)
    {
        using var floats = new AlignedBuffer(sizeof(float) * (long)w.Rows * w.Columns);
        for (var row = 0; row < w.Rows; row++)
            w.CopyRow(row, floats.Floats + (long)row * w.Columns);
        var matrix = new Matrix(floats.Floats, w.Rows, w.Columns);
        Reference(a, transposed ? matrix.Transposed : matrix, c, scale, add);
    }

    // Of the thread that runs the product; its parts read them.
    [ThreadStatic]
    static AlignedBuffer? s_left, s_right;

    internal static float* Grow(ref AlignedBuffer? buffer, long floats)
    {
        if (buffer is null || buffer.Length < floats * sizeof(float))
        {
            buffer?.Dispose();
            buffer = new AlignedBuffer(floats * sizeof(float), zeroed: false);
        }
        return buffer.Floats;
    }

    static void Run<TRight>(Matrix a, TRight b, Matrix c, WorkerPool? pool, float scale, bool add) where TRight : struct, IRightSide
    {
        if (a.Columns == 0 || c.Rows == 0 || c.Columns == 0)
        {
            if (!add)
                for (var m = 0; m < c.Rows; m++)
                    for (var n = 0; n < c.Columns; n++)
                        c.Data[m * c.RowStride + n * c.ColumnStride] = 0;
            return;
        }
        var copies = a.ColumnStride != 1;
        var columns = Math.Min(c.Columns, MaxColumns);
        var steps = TRight.IsPaired ? BFloat16Pairs.Count(a.Columns) : a.Columns;
        var depth = Math.Min(steps, MaxDepth);
        var job = new Job<TRight>
        {
            B = b,
            C = c,
            Scale = scale,
            Copies = copies,
            Right = b.IsInPlace ? null : Grow(ref s_right, (columns + Panels.Columns - 1L) / Panels.Columns * Panels.Columns * depth),
            Left = copies ? Grow(ref s_left, ((long)Math.Min(c.Rows, MaxRows) + Strips.Rows) * depth) : null,
        };
        for (job.Row = 0; job.Row < c.Rows; job.Row += MaxRows)
            for (job.Column = 0; job.Column < c.Columns; job.Column += MaxColumns)
                for (job.K = 0; job.K < steps; job.K += MaxDepth)
                {
                    job.Rows = Math.Min(MaxRows, c.Rows - job.Row);
                    job.Columns = Math.Min(MaxColumns, c.Columns - job.Column);
                    job.Depth = Math.Min(MaxDepth, steps - job.K);
                    var rows = a.RowRange(job.Row, job.Rows);
                    job.A = TRight.IsPaired ? BFloat16Pairs.Of(rows, job.K, job.Depth, pool) : rows.ColumnRange(job.K, job.Depth);
                    job.Add = add || job.K > 0;
                    var threads = pool?.Threads ?? 1;
                    if (copies || !b.IsInPlace)
                        Do(ref job, pool, job.PlanWriting(threads));
                    Do(ref job, pool, job.PlanTiles(threads));
                }
    }

    static void Do<TRight>(ref Job<TRight> job, WorkerPool? pool, int parts) where TRight : struct, IRightSide
    {
        if (pool is not null)
            pool.Run(ref job, parts);
        else
            for (var part = 0; part < parts; part++)
                job.Work(part, parts);
    }

    /// <summary>One piece: first its panels are written, then its tiles computed.</summary>
    struct Job<TRight> : IJob where TRight : struct, IRightSide
    {
        public Matrix A, C;
        public TRight B;
        public float* Left, Right;
        public float Scale;
        public bool Add, Copies;
        public int Row, Rows, Column, Columns, K, Depth;
        bool _writes;
        int _units, _strips, _across;

        readonly int PanelCount => (Columns + Panels.Columns - 1) / Panels.Columns;

        public int PlanWriting(int threads)
        {
            _writes = true;
            _units = B.IsInPlace ? 0 : (Columns + B.UnitColumns - 1) / B.UnitColumns;
            _strips = Copies ? (Rows + Strips.Rows - 1) / Strips.Rows : 0;
            return Math.Min(_units + _strips, PartsPerThread * threads);
        }

        public int PlanTiles(int threads)
        {
            _writes = false;
            var parts = threads == 1 ? 1 : PartsPerThread * threads;
            _across = Math.Min((PanelCount + 1) / 2, parts);
            var down = Math.Clamp(parts / _across, 1, (Rows + Strips.Rows - 1) / Strips.Rows);
            return _across * down;
        }

        public readonly void Work(int part, int parts)
        {
            if (_writes)
                WritePanels(part, parts);
            else if (Ladder.Current is Avx512Rung)
                Fill<Lanes16>(part, parts);
            else if (Ladder.Current is Avx2Rung)
                Fill<Lanes8>(part, parts);
            else
                Fill<Lanes4>(part, parts);
        }

        readonly void WritePanels(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, _units + _strips);
            for (var i = first; i < end; i++)
                if (i < _units)
                {
                    var column = i * B.UnitColumns;
                    B.Write(K, Depth, Column + column, Math.Min(B.UnitColumns, Columns - column), Right + (nint)column * Depth);
                }
                else
                    Strips.Write(A, i - _units, Left);
        }

        readonly void Fill<TLanes>(int part, int parts) where TLanes : struct, ILanes<TLanes>
        {
            var width = TLanes.Count;
            var down = parts / _across;
            var (firstPair, endPair) = Parts.Range(part % _across, _across, (PanelCount + 1) / 2);
            var (firstRow, endRow) = Parts.Range(part / _across, down, (Rows + Strips.Rows - 1) / Strips.Rows);
            (firstRow, endRow) = (firstRow * Strips.Rows, Math.Min(endRow * Strips.Rows, Rows));
            var (first, end) = (firstPair * 2 * Panels.Columns, Math.Min(endPair * 2 * Panels.Columns, PanelCount * Panels.Columns));
            for (var column = first; column < end;)
            {
                // Two vectors: of two panels, or of one where vectors are shorter.
                var two = width < Panels.Columns || column + Panels.Columns < end;
                var product = new TileProduct
                {
                    RowStride = Copies ? 1 : A.RowStride,
                    ColumnStride = Copies ? Strips.Rows : A.ColumnStride,
                    B = (B.IsInPlace ? B.Panel(K, Column + column) : Right + Panels.Offset(column / Panels.Columns, Depth)) + column % Panels.Columns,
                    Second = width < Panels.Columns ? width : B.IsInPlace ? B.PanelStride : Panels.Offset(1, Depth),
                    Depth = Depth,
                    Scale = Scale,
                };
                var columns = two ? 2 * width : width;
                for (var row = firstRow; row < endRow; row += Strips.Rows)
                    FillTile<TLanes>(product, row, Math.Min(Strips.Rows, endRow - row), column, columns, two);
                column += columns;
            }
        }

        readonly void FillTile<TLanes>(TileProduct product, int row, int rows, int column, int columns, bool two) where TLanes : struct, ILanes<TLanes>
        {
            var a = Copies ? Left + (nint)row * Depth : A.Data + row * A.RowStride;
            var c = C.Data + (Row + row) * C.RowStride + (Column + column) * C.ColumnStride;
            var valid = Math.Min(columns, Columns - column);
            if (valid == columns && C.ColumnStride == 1)
            {
                product.Stride = C.RowStride;
                product.Add = Add;
                Run<TLanes>(product, a, c, rows, two);
                return;
            }
            // At the edge, or where columns are apart: by way of a tile of its own.
            const int Most = 2 * Panels.Columns;
            var tile = stackalloc float[Strips.Rows * Most];
            product.Stride = Most;
            product.Add = false;
            Run<TLanes>(product, a, tile, rows, two);
            for (var r = 0; r < rows; r++)
                for (var n = 0; n < valid; n++)
                {
                    ref var to = ref c[r * C.RowStride + n * C.ColumnStride];
                    to = tile[r * Most + n] + (Add ? to : 0);
                }
        }

        readonly void Run<TLanes>(in TileProduct product, float* a, float* c, int rows, bool two) where TLanes : struct, ILanes<TLanes>
        {
            if (typeof(TLanes) == typeof(Lanes16) && AssembledTile.IsSupported)
                AssembledTile.Run(product, a, c, rows, two, Copies, TRight.IsPaired);
            else
                Tile<TLanes>.Run(product, a, c, rows, two);
        }
    }

    /// <summary>A left side whose columns are not adjacent, as strips of 12 rows, [depth, 12] floats each.</summary>
    static class Strips
    {
        public const int Rows = 12;

        /// <summary>Writes one strip of <paramref name="a"/>; rows beyond the last are not written.</summary>
        public static void Write(Matrix a, int strip, float* to)
        {
            var first = strip * Rows;
            var rows = Math.Min(Rows, a.Rows - first);
            var from = a.Data + first * a.RowStride;
            to += (nint)first * a.Columns;
            if (a.RowStride == 1 && rows == Rows)
                for (var k = 0; k < a.Columns; k++, to += Rows, from += a.ColumnStride)
                {
                    Vector256.Load(from).Store(to);
                    Vector128.Load(from + 8).Store(to + 8);
                }
            else
                for (var k = 0; k < a.Columns; k++, to += Rows, from += a.ColumnStride)
                    for (var r = 0; r < rows; r++)
                        to[r] = from[r * a.RowStride];
        }
    }
}
