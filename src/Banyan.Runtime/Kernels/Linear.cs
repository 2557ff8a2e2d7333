using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels;

/// <summary>The matrix product of a layer: y = x·Wᵀ.</summary>
internal static unsafe class Linear
{
    /// <summary>What a part reads at least, times the tokens: enough to be worth claiming, little enough to share evenly.</summary>
    const long BytesPerPart = 64 * 1024;

    /// <summary>Activations that a part's panels meet one after the other: they stay in the second-level cache from panel to panel.</summary>
    const int CachedBytes = 640 * 1024;

    /// <summary>Tokens whose sums a part keeps for each of its panels.</summary>
    const int TokenGroup = 512;

    /// <summary>Panels of a part that share a column range's activations, where all columns do not fit the cache.</summary>
    const int PanelsPerPart = 4;

    /// <summary>The most tokens of any rung's <see cref="Rung.PanelTokens"/>.</summary>
    const int MaxPanelTokens = 8;

    /// <summary>
    /// y[tokens, w.Rows] = x[tokens, w.Columns] · Wᵀ. Quantized weights meet the quantized activations (<see cref="Activations.Quantize"/> before),
    /// weights of 16 bits activations rounded to BF16 where the rung can; <paramref name="exact"/>, and other floats, meet the float rows.
    /// </summary>
    public static void Multiply(Activations x, PackedMatrix w, float* y, int tokens, WorkerPool pool, bool exact = false) =>
        Multiply(Ladder.Current, x, w, y, tokens, pool, exact);

    internal static void Multiply(Rung rung, Activations x, PackedMatrix w, float* y, int tokens, WorkerPool pool, bool exact)
    {
        if (x.Columns != w.Columns)
            throw new ArgumentException($"Activations of {x.Columns} columns cannot be multiplied with weights of {w.Columns}.", nameof(x));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, x.MaxTokens);
        var parts = (int)Math.Clamp(tokens * w.Bytes / BytesPerPart, 1, w.Panels);
        if (!exact && rung.RoundsToPairs(w.Format))
        {
            // BF16 rows begin at multiples of 16 values; odd columns end with a 0.
            var stride = (x.Columns + 15) / 16 * 16;
            var job = new PairJob { Rung = rung, X = (ushort*)Scratch.ForJob((long)tokens * stride * sizeof(ushort)), Stride = stride, W = w, Y = y, Tokens = tokens };
            var round = new RoundJob { Rung = rung, From = x.Rows, Columns = x.Columns, To = job.X, Stride = stride, Tokens = tokens };
            pool.Run(ref round, Parts.ForWork((long)tokens * stride, tokens));
            pool.Run(ref job, parts);
        }
        else if (exact || w.Format.Kind == WeightKind.Float)
        {
            var job = new FloatJob { Rung = rung, X = x.Rows, W = w, Y = y, Tokens = tokens };
            pool.Run(ref job, parts);
        }
        else if (tokens <= rung.PanelTokens)
        {
            var job = new PanelJob { Rung = rung, X = x.Blocks, W = w, Y = y, Tokens = tokens };
            pool.Run(ref job, parts);
        }
        else
        {
            var job = new TileJob { Rung = rung, X = x.Blocks, W = w, Y = y };
            for (; job.First < tokens; job.First += TokenGroup)
            {
                job.Tokens = Math.Min(TokenGroup, tokens - job.First);
                var blocks = CachedBytes / (job.Tokens * ActivationBlock.Bytes);
                var areCached = blocks >= x.BlocksPerRow;
                job.RangeColumns = areCached ? w.Columns : Math.Max(1, blocks / Rung.ChunkBlocks) * Rung.ChunkColumns;
                pool.Run(ref job, areCached ? parts : Math.Clamp(parts, 1, Math.Max(w.Panels / PanelsPerPart, Math.Min(w.Panels, pool.Threads))));
            }
        }
    }

    /// <summary>Few tokens: each panel is read once and multiplied on the way.</summary>
    struct PanelJob : IJob
    {
        public Rung Rung;
        public ActivationBlock* X;
        public PackedMatrix W;
        public float* Y;
        public int Tokens;

        public readonly void Work(int part, int parts)
        {
            var sums = stackalloc float[MaxPanelTokens * PackedFormat.Rows];
            var stride = W.Columns / ActivationBlock.Columns;
            var (first, end) = Parts.Range(part, parts, W.Panels);
            for (var panel = first; panel < end; panel++)
            {
                var scales = W.Panel(panel);
                Rung.MultiplyPanel(W.Format, scales, scales + W.QuantOffset, W.Columns, X, stride, Tokens, sums);
                Store(sums, panel * PackedFormat.Rows, W.Rows, Y, Tokens);
            }
        }
    }

    /// <summary>
    /// Many tokens. For each range of columns whose activations fit the cache, for each panel of the part: a chunk is unpacked into the first-level cache and
    /// meets all tokens. The sums of all panels are kept until the last range.
    /// </summary>
    struct TileJob : IJob
    {
        public Rung Rung;
        public ActivationBlock* X;
        public PackedMatrix W;
        public float* Y;
        public int First, Tokens, RangeColumns;

        public readonly void Work(int part, int parts)
        {
            var sumsPerPanel = (Tokens + Activations.TokenTile - 1) / Activations.TokenTile * Activations.TokenTile * PackedFormat.Rows;
            var (first, end) = Parts.Range(part, parts, W.Panels);
            var unpacked = (UnpackedBlock*)Scratch.ForPart(Rung.ChunkBlocks * UnpackedBlock.Bytes + (long)(end - first) * sumsPerPanel * sizeof(float));
            var sums = (float*)(unpacked + Rung.ChunkBlocks);
            new Span<float>(sums, (end - first) * sumsPerPanel).Clear();
            for (var column = 0; column < W.Columns; column += RangeColumns)
                for (var panel = first; panel < end; panel++)
                    MultiplyRange(panel, column, Math.Min(column + RangeColumns, W.Columns), unpacked, sums + (panel - first) * sumsPerPanel);
            for (var panel = first; panel < end; panel++)
                Store(sums + (panel - first) * sumsPerPanel, panel * PackedFormat.Rows, W.Rows, Y + (long)First * W.Rows, Tokens);
        }

        readonly void MultiplyRange(int panel, int column, int end, UnpackedBlock* unpacked, float* sums)
        {
            var (format, stride) = (W.Format, W.Columns / ActivationBlock.Columns);
            var group = column / format.GroupColumns;
            var scales = W.Panel(panel) + (long)group * format.ScaleBytes;
            var quants = W.Panel(panel) + W.QuantOffset + (long)group * format.QuantBytes;
            for (int columns; column < end; column += columns)
            {
                columns = Math.Min(Rung.ChunkColumns, end - column);
                var groups = columns / format.GroupColumns;
                Rung.UnpackForTiles(format, scales, quants, groups, unpacked);
                scales += groups * format.ScaleBytes;
                quants += groups * format.QuantBytes;
                Rung.MultiplyTiles(format.Kind, unpacked, groups * format.BlocksPerGroup, X + (long)First * stride + column / ActivationBlock.Columns, stride, Tokens,
                    sums, quants, (long)groups * format.QuantBytes);
            }
        }
    }

    struct RoundJob : IJob
    {
        public Rung Rung;
        public float* From;
        public ushort* To;
        public int Columns, Stride, Tokens;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Tokens);
            var whole = Columns / 16 * 16;
            var last = stackalloc float[16];
            for (var token = first; token < end; token++)
            {
                var from = From + (long)token * Columns;
                var to = To + (long)token * Stride;
                Rung.RoundToPairs(from, whole, to);
                if (whole == Columns)
                    continue;
                new Span<float>(last, 16).Clear();
                new Span<float>(from + whole, Columns - whole).CopyTo(new Span<float>(last, 16));
                Rung.RoundToPairs(last, 16, to + whole);
            }
        }
    }

    /// <summary>Activations and weights in BF16: a chunk of a panel stays in the first-level cache and meets all tokens; few tokens meet the whole panel at once.</summary>
    struct PairJob : IJob
    {
        public Rung Rung;
        public ushort* X;
        public PackedMatrix W;
        public float* Y;
        public int Stride, Tokens;

        public readonly void Work(int part, int parts)
        {
            var chunk = Tokens <= Rung.PanelTokens ? W.Columns : Rung.ChunkColumns;
            var scratch = Scratch.ForPart(Rung.ChunkColumns * 32 + (long)Tokens * PackedFormat.Rows * sizeof(float));
            var sums = (float*)(scratch + Rung.ChunkColumns * 32);
            var (first, end) = Parts.Range(part, parts, W.Panels);
            for (var panel = first; panel < end; panel++)
            {
                new Span<float>(sums, Tokens * PackedFormat.Rows).Clear();
                for (var column = 0; column < W.Columns; column += chunk)
                    Rung.MultiplyPairs(W.Format, W.Panel(panel) + W.QuantOffset + (long)column / 2 * 64, Math.Min(chunk, W.Columns - column), X + column, Stride, Tokens,
                        sums, scratch);
                Store(sums, panel * PackedFormat.Rows, W.Rows, Y, Tokens);
            }
        }
    }

    /// <summary>Float activations: a chunk of a panel is made float, then as above.</summary>
    struct FloatJob : IJob
    {
        public Rung Rung;
        public float* X;
        public PackedMatrix W;
        public float* Y;
        public int Tokens;

        public readonly void Work(int part, int parts)
        {
            var tiles = (Tokens + Activations.TokenTile - 1) / Activations.TokenTile;
            const int TileValues = Activations.TokenTile * PackedFormat.Rows, ChunkValues = Rung.ChunkColumns / 2 * PackedFormat.Rows;
            var weights = (float*)Scratch.ForPart((ChunkValues + tiles * TileValues) * sizeof(float));
            var sums = weights + ChunkValues;
            var (first, end) = Parts.Range(part, parts, W.Panels);
            for (var panel = first; panel < end; panel++)
            {
                new Span<float>(sums, tiles * TileValues).Clear();
                for (var column = 0; column < W.Columns; column += Rung.ChunkColumns / 2)
                {
                    var columns = Math.Min(Rung.ChunkColumns / 2, W.Columns - column);
                    Rung.Dequantize(W, panel, column, columns, weights);
                    if (Tokens == 1)
                    {
                        Rung.MultiplyFloatOne(weights, columns, X + column, sums);
                        continue;
                    }
                    for (var tile = 0; tile < tiles; tile++)
                        Rung.MultiplyFloatTile(weights, PackedFormat.Rows, columns, X + (long)tile * Activations.TokenTile * W.Columns + column, W.Columns,
                            sums + tile * TileValues, PackedFormat.Rows);
                }
                Store(sums, panel * PackedFormat.Rows, W.Rows, Y, Tokens);
            }
        }
    }

    /// <summary>Copies the panel's sums [tokens, 16] to their place in y[tokens, rows].</summary>
    static void Store(float* sums, int row, int rows, float* y, int tokens)
    {
        var count = Math.Min(PackedFormat.Rows, rows - row);
        for (var t = 0; t < tokens; t++)
            new Span<float>(sums + t * PackedFormat.Rows, count).CopyTo(new Span<float>(y + (long)t * rows + row, count));
    }
}
