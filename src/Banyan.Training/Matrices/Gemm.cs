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
/// The matrix products of training: C = scale · A·B, or C += scale · A·B, in float32, arranged as by Goto and van de Geijn
/// (ACM TOMS 34, 2008). Threads share C, and wait for each other only once it is complete:
/// <code>
/// a thread's columns and rows of C
///   for each 256 of the depth             so that two panels stay in the first-level cache, A's rows in the second
///     write A, if its columns are apart
///     for each two panels of B
///       write them, if B does not lie so    weights become floats here, in the cache in which they are read
///       for each 12 rows: a tile
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

    /// <summary>Rows of a left side that a thread writes at a time, and values that are rounded to BF16 at a time.</summary>
    const int MaxRows = 1024, MaxRounded = 16 * MaxDepth;

    /// <summary>Parts per thread: several, since all threads wait for the last part.</summary>
    const int PartsPerThread = 4;

    /// <summary>
    /// c[m, n] = (c +) scale · a[m, k] · b[k, n]; c overlaps neither. Without a pool it runs on this thread, as within a job.
    /// <paramref name="bfloat16"/>: both are rounded to BF16, where <see cref="HasBFloat16"/>.
    /// </summary>
    public static void Multiply(Matrix a, Matrix b, Matrix c, WorkerPool? pool, float scale = 1, bool add = false, bool bfloat16 = false)
    {
        if (a.Columns != b.Rows || a.Rows != c.Rows || b.Columns != c.Columns)
            throw new ArgumentException($"[{a.Rows}, {a.Columns}] · [{b.Rows}, {b.Columns}] is not [{c.Rows}, {c.Columns}].", nameof(c));
        if (bfloat16)
            Run(a, new FloatPairs(b), c, pool, scale, add);
        else if (Ladder.UsesVectors)
            Run(a, new FloatRightSide(b), c, pool, scale, add);
        else
            Reference(a, b, c, scale, add);
    }

    /// <summary>
    /// Forward through frozen weights: y[tokens, w.Rows] = (y +) scale · x[tokens, w.Columns] · Wᵀ. <paramref name="bfloat16"/>: x, whose
    /// columns are adjacent, and W are rounded to BF16, where <see cref="HasBFloat16"/>. <paramref name="also"/> is added, in float32.
    /// </summary>
    public static void Forward(Matrix x, PackedMatrix w, Matrix y, WorkerPool? pool, float scale = 1, bool add = false,
        bool bfloat16 = false, NarrowProduct also = default)
    {
        if (x.Columns != w.Columns || x.Rows != y.Rows || w.Rows != y.Columns)
            throw new ArgumentException($"[{x.Rows}, {x.Columns}] · [{w.Rows}, {w.Columns}]ᵀ is not [{y.Rows}, {y.Columns}].", nameof(y));
        if (bfloat16)
            Run(x, new ForwardBFloat16(w), y, pool, scale, add, also);
        else if (Ladder.UsesVectors)
            Run(x, new ForwardRightSide(w), y, pool, scale, add, also);
        else
            Reference(x, w, y, scale, add, transposed: true, also);
    }

    /// <summary>
    /// Backward through frozen weights: dx[tokens, w.Columns] = (dx +) scale · dy[tokens, w.Rows] · W; <paramref name="bfloat16"/> and
    /// <paramref name="also"/> as forward.
    /// </summary>
    public static void Backward(Matrix dy, PackedMatrix w, Matrix dx, WorkerPool? pool, float scale = 1, bool add = false,
        bool bfloat16 = false, NarrowProduct also = default)
    {
        if (dy.Columns != w.Rows || dy.Rows != dx.Rows || w.Columns != dx.Columns)
            throw new ArgumentException($"[{dy.Rows}, {dy.Columns}] · [{w.Rows}, {w.Columns}] is not [{dx.Rows}, {dx.Columns}].",
                nameof(dx));
        if (bfloat16)
            Run(dy, new BackwardBFloat16(w), dx, pool, scale, add, also);
        else if (Ladder.UsesVectors)
            Run(dy, new BackwardRightSide(w), dx, pool, scale, add, also);
        else
            Reference(dy, w, dx, scale, add, transposed: false, also);
    }

    /// <summary>The reference for the tiles, which agree within rounding: plain loops.</summary>
    internal static void Reference(Matrix a, Matrix b, Matrix c, float scale, bool add)
    {
        for (var m = 0; m < c.Rows; m++)
            for (var n = 0; n < c.Columns; n++)
            {
                var sum = 0f;
                for (var k = 0; k < a.Columns; k++)
                    sum = MathF.FusedMultiplyAdd(a.Data[m * a.RowStride + k * a.ColumnStride],
                        b.Data[k * b.RowStride + n * b.ColumnStride], sum);
                ref var to = ref c.Data[m * c.RowStride + n * c.ColumnStride];
                to = add ? MathF.FusedMultiplyAdd(scale, sum, to) : scale * sum;
            }
    }

    static void Reference(Matrix a, PackedMatrix w, Matrix c, float scale, bool add, bool transposed, NarrowProduct also)
    {
        using var floats = new AlignedBuffer(sizeof(float) * (long)w.Rows * w.Columns);
        for (var row = 0; row < w.Rows; row++)
            w.CopyRow(row, floats.Floats + (long)row * w.Columns);
        var matrix = new Matrix(floats.Floats, w.Rows, w.Columns);
        Reference(a, transposed ? matrix.Transposed : matrix, c, scale, add);
        if (also.Rank > 0)
            Reference(also.Left, also.Right, c, also.Scale, add: true);
    }

    // Of the thread that computes a part.
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

    static void Run<TRight>(Matrix a, TRight b, Matrix c, WorkerPool? pool, float scale, bool add, NarrowProduct also = default)
        where TRight : struct, IRightSide
    {
        if (c.Rows == 0 || c.Columns == 0)
            return;
        if (a.Columns == 0)
        {
            if (!add)
                for (var m = 0; m < c.Rows; m++)
                    for (var n = 0; n < c.Columns; n++)
                        c.Data[m * c.RowStride + n * c.ColumnStride] = 0;
            return;
        }
        var job = new Job<TRight> { A = a, B = b, C = c, Also = also, Scale = scale, Copies = a.ColumnStride != 1 };
        var parts = job.Plan(pool?.Threads ?? 1);
        var steps = TRight.IsPaired ? BFloat16Pairs.Count(a.Columns) : a.Columns;
        var rounds = TRight.IsPaired && !job.Copies;
        for (var k = 0; k < steps; k += job.Steps)
        {
            (job.First, job.Steps, job.Add) = (k, rounds ? Math.Min(MaxRounded, steps - k) : steps, add || k > 0);
            if (rounds)
                job.A = BFloat16Pairs.Of(a, k, job.Steps, pool);
            job.IsLast = k + job.Steps == steps;
            if (pool is not null)
                pool.Run(ref job, parts);
            else
                for (var part = 0; part < parts; part++)
                    job.Work(part, parts);
        }
    }

    /// <summary>A part is some columns and rows of C.</summary>
    struct Job<TRight> : IJob where TRight : struct, IRightSide
    {
        public Matrix A, C;
        public TRight B;
        public NarrowProduct Also;
        public float Scale;
        public bool Add, Copies, IsLast;
        public int First, Steps; // of B's depth
        int _across;

        readonly int Pairs => (C.Columns + Panels.Pair - 1) / Panels.Pair;

        readonly int StripCount => (C.Rows + Strips.Rows - 1) / Strips.Rows;

        /// <summary>
        /// How many parts. They share the columns, so that a panel is written once; or the rows, if A has to be written and is the larger.
        /// </summary>
        public int Plan(int threads)
        {
            var parts = threads == 1 ? 1 : PartsPerThread * threads;
            var least = Copies ? (C.Rows + MaxRows - 1) / MaxRows : 1;
            if (Copies && C.Rows > C.Columns)
            {
                var down = Math.Max(Math.Min(parts, StripCount), least);
                _across = Math.Clamp(parts / down, 1, Pairs);
                return _across * down;
            }
            // Whole units each, and as many for every thread.
            _across = Math.Min(Pairs, Math.Max(1, Math.Min(parts, C.Columns / B.UnitColumns) / threads) * threads);
            return _across * Math.Max(least, Math.Clamp(parts / 2 / _across, 1, StripCount));
        }

        public readonly void Work(int part, int parts)
        {
            if (Ladder.Current is Avx512Rung)
                Fill<Lanes16>(part, parts);
            else if (Ladder.Current is Avx2Rung)
                Fill<Lanes8>(part, parts);
            else
                Fill<Lanes4>(part, parts);
        }

        readonly void Fill<TLanes>(int part, int parts) where TLanes : struct, ILanes<TLanes>
        {
            var (firstPair, endPair) = Parts.Range(part % _across, _across, Pairs);
            var (firstStrip, endStrip) = Parts.Range(part / _across, parts / _across, StripCount);
            var (first, end) = (firstPair * Panels.Pair, Math.Min(endPair * Panels.Pair, C.Columns));
            var (firstRow, endRow) = (firstStrip * Strips.Rows, Math.Min(endStrip * Strips.Rows, C.Rows));
            var (unit, depth) = (B.UnitColumns, Math.Min(Steps, MaxDepth));
            var right = B.IsInPlace ? null : Grow(ref s_right, (nint)unit * depth);
            var left = Copies ? Grow(ref s_left, (nint)(endStrip - firstStrip) * Strips.Rows * depth) : null;
            var product = new TileProduct { Scale = Scale, RowStride = Copies ? 1 : A.RowStride, ColumnStride = Copies ? Strips.Rows : 1 };
            for (var k = 0; k < Steps; k += MaxDepth)
            {
                (product.Depth, product.Add) = (depth = Math.Min(MaxDepth, Steps - k), Add || k > 0);
                for (var strip = firstStrip; strip < endStrip && Copies; strip++)
                    Strips.Write(A, strip, k, depth, TRight.IsPaired, left + (nint)(strip - firstStrip) * Strips.Rows * depth);
                var a = Copies ? left : A.Data + firstRow * A.RowStride + k;
                for (int column = first, next; column < end; column = next)
                {
                    next = Math.Min(end, column - column % unit + unit);
                    if (!B.IsInPlace)
                        B.Write(First + k, depth, column, next - column, right);
                    for (var at = column; at < next; at += Panels.Pair)
                    {
                        product.B = B.IsInPlace ? B.Panel(First + k, at) : right + Panels.Offset((at - column) / Panels.Columns, depth);
                        product.Second = B.IsInPlace ? B.PanelStride : Panels.Offset(1, depth);
                        FillPair<TLanes>(product, a, Copies ? depth : A.RowStride, firstRow, endRow, at, TRight.IsPaired);
                    }
                }
            }
            if (IsLast && Also.Rank > 0)
                AddNarrow<TLanes>(firstRow, endRow, first, end);
        }

        // The columns are still near.
        readonly void AddNarrow<TLanes>(int firstRow, int endRow, int first, int end) where TLanes : struct, ILanes<TLanes>
        {
            var (a, b, depth) = (Also.Left, new FloatRightSide(Also.Right), Also.Rank);
            var product = new TileProduct
            {
                RowStride = a.RowStride,
                ColumnStride = 1,
                B = Grow(ref s_right, (nint)Panels.Pair * depth),
                Second = Panels.Offset(1, depth),
                Depth = depth,
                Scale = Also.Scale,
                Add = true,
            };
            for (var column = first; column < end; column += Panels.Pair)
            {
                b.Write(0, depth, column, Math.Min(Panels.Pair, end - column), product.B);
                FillPair<TLanes>(product, a.Data + firstRow * a.RowStride, a.RowStride, firstRow, endRow, column, pairs: false);
            }
        }

        // Rows of two panels' columns; a: the first, step floats a row.
        readonly void FillPair<TLanes>(TileProduct product, float* a, nint step, int firstRow, int endRow, int column, bool pairs)
            where TLanes : struct, ILanes<TLanes>
        {
            var b = product.B;
            var (width, second) = (TLanes.Count, product.Second);
            var end = column + Panels.Pair <= C.Columns ? Panels.Pair
                : (C.Columns - column + Panels.Columns - 1) / Panels.Columns * Panels.Columns;
            for (int n = 0, columns; n < end; n += columns)
            {
                // Two vectors: of two panels, or of one where vectors are shorter.
                var two = width < Panels.Columns || n + Panels.Columns < end;
                columns = two ? 2 * width : width;
                product.B = b + n / Panels.Columns * second + n % Panels.Columns;
                product.Second = width < Panels.Columns ? width : second;
                for (var row = firstRow; row < endRow; row += Strips.Rows)
                    FillTile<TLanes>(product, a + (row - firstRow) * step, row, Math.Min(Strips.Rows, endRow - row),
                        column + n, columns, two, pairs);
            }
        }

        readonly void FillTile<TLanes>(TileProduct product, float* a, int row, int rows, int column, int columns, bool two, bool pairs)
            where TLanes : struct, ILanes<TLanes>
        {
            var c = C.Data + row * C.RowStride + column * C.ColumnStride;
            var valid = Math.Min(columns, C.Columns - column);
            if (valid == columns && C.ColumnStride == 1)
            {
                product.Stride = C.RowStride;
                Run<TLanes>(product, a, c, rows, two, pairs);
                return;
            }
            // At the edge, or where columns are apart: by way of a tile of its own.
            var tile = stackalloc float[Strips.Rows * Panels.Pair];
            var add = product.Add;
            (product.Stride, product.Add) = (Panels.Pair, false);
            Run<TLanes>(product, a, tile, rows, two, pairs);
            for (var n = 0; n < valid; n++, c += C.ColumnStride)
                for (var r = 0; r < rows; r++)
                {
                    ref var to = ref c[r * C.RowStride];
                    to = tile[r * Panels.Pair + n] + (add ? to : 0);
                }
        }

        static void Run<TLanes>(in TileProduct product, float* a, float* c, int rows, bool two, bool pairs)
            where TLanes : struct, ILanes<TLanes>
        {
            if (typeof(TLanes) == typeof(Lanes16) && AssembledTile.IsSupported)
                AssembledTile.Run(product, a, c, rows, two, strip: product.ColumnStride != 1, pairs);
            else
                Tile<TLanes>.Run(product, a, c, rows, two);
        }
    }

    /// <summary>A left side whose columns are apart, as strips of 12 rows, [depth, 12] floats or pairs each.</summary>
    static class Strips
    {
        public const int Rows = 12;

        /// <summary>Writes a piece of the depth of one strip; rows beyond the last are not written.</summary>
        public static void Write(Matrix a, int strip, int k, int depth, bool pairs, float* to)
        {
            var first = strip * Rows;
            var rows = Math.Min(Rows, a.Rows - first);
            if (pairs)
            {
                var columns = Math.Min(BFloat16Pairs.Columns * depth, a.Columns - BFloat16Pairs.Columns * k);
                BFloat16Pairs.OfRows(a.RowRange(first, rows).ColumnRange(BFloat16Pairs.Columns * k, columns).Transposed, Rows, to);
                return;
            }
            var from = a.Data + first * a.RowStride + k * a.ColumnStride;
            if (a.RowStride == 1 && rows == Rows)
                for (; depth > 0; depth--, to += Rows, from += a.ColumnStride)
                {
                    Vector256.Load(from).Store(to);
                    Vector128.Load(from + 8).Store(to + 8);
                }
            else
                for (; depth > 0; depth--, to += Rows, from += a.ColumnStride)
                    for (var r = 0; r < rows; r++)
                        to[r] = from[r * a.RowStride];
        }
    }
}

/// <summary>Added to a product's result while that is in the cache: scale · left[m, rank] · right[rank, n], columns of the left side
/// adjacent.</summary>
internal readonly record struct NarrowProduct(Matrix Left, Matrix Right, float Scale)
{
    public int Rank => Left.Columns;
}
