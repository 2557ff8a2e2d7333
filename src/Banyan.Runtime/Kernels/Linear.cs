using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels;

/// <summary>The matrix product of a layer: y = x·Wᵀ.</summary>
internal static unsafe class Linear
{
    /// <summary>What a part of a single token's product reads at least: enough to be worth claiming, little enough to share evenly.</summary>
    const long BytesPerPart = 64 * 1024;

    /// <summary>The tokens that meet a panel together: their quantized rows stay in the second-level cache from panel to panel.</summary>
    const int TokenGroupBytes = 256 * 1024;

    /// <summary>
    /// y[tokens, w.Rows] = x[tokens, w.Columns] · Wᵀ. Quantized weights meet the quantized activations (<see cref="Activations.Quantize"/> before);
    /// <paramref name="exact"/>, and weights that are floats, meet the float rows.
    /// </summary>
    public static void Multiply(Activations x, PackedMatrix w, float* y, int tokens, WorkerPool pool, bool exact = false) =>
        Multiply(Ladder.Current, x, w, y, tokens, pool, exact);

    internal static void Multiply(Rung rung, Activations x, PackedMatrix w, float* y, int tokens, WorkerPool pool, bool exact)
    {
        if (x.Columns != w.Columns)
            throw new ArgumentException($"Activations of {x.Columns} columns cannot be multiplied with weights of {w.Columns}.", nameof(x));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, x.MaxTokens);
        var parts = (int)Math.Clamp(tokens * w.Bytes / BytesPerPart, 1, w.Panels);
        if (exact || w.Format.Kind == WeightKind.Float)
        {
            var job = new FloatJob { Rung = rung, X = x.Rows, W = w, Y = y, Tokens = tokens };
            pool.Run(ref job, parts);
        }
        else if (tokens == 1)
        {
            var job = new OneJob { Rung = rung, X = x.Blocks, W = w, Y = y };
            pool.Run(ref job, parts);
        }
        else
        {
            var job = new TileJob { Rung = rung, X = x.Blocks, W = w, Y = y };
            var group = Math.Max(32, TokenGroupBytes / (x.BlocksPerRow * ActivationBlock.Bytes) / Activations.TokenTile * Activations.TokenTile);
            for (; job.First < tokens; job.First += group)
            {
                job.Tokens = Math.Min(group, tokens - job.First);
                pool.Run(ref job, parts);
            }
        }
    }

    /// <summary>One token: each panel is read once and multiplied on the way.</summary>
    struct OneJob : IJob
    {
        public Rung Rung;
        public ActivationBlock* X;
        public PackedMatrix W;
        public float* Y;

        public readonly void Work(int part, int parts)
        {
            var last = stackalloc float[PackedFormat.Rows];
            var (first, end) = Parts.Range(part, parts, W.Panels);
            for (var panel = first; panel < end; panel++)
            {
                var scales = W.Panel(panel);
                var row = panel * PackedFormat.Rows;
                var whole = row + PackedFormat.Rows <= W.Rows;
                Rung.MultiplyOne(W.Format, scales, scales + W.QuantOffset, W.Columns, X, whole ? Y + row : last);
                if (!whole)
                    new Span<float>(last, W.Rows - row).CopyTo(new Span<float>(Y + row, W.Rows - row));
            }
        }
    }

    /// <summary>Many tokens: a chunk of a panel is unpacked into the first-level cache and meets all tokens of the group, four at a time.</summary>
    struct TileJob : IJob
    {
        public Rung Rung;
        public ActivationBlock* X;
        public PackedMatrix W;
        public float* Y;
        public int First, Tokens;

        public readonly void Work(int part, int parts)
        {
            var (format, stride) = (W.Format, W.Columns / ActivationBlock.Columns);
            var tiles = (Tokens + Activations.TokenTile - 1) / Activations.TokenTile;
            const int TileValues = Activations.TokenTile * PackedFormat.Rows;
            var unpacked = (UnpackedBlock*)Scratch.ForPart(Rung.ChunkBlocks * UnpackedBlock.Bytes + tiles * TileValues * sizeof(float));
            var sums = (float*)(unpacked + Rung.ChunkBlocks);
            var (first, end) = Parts.Range(part, parts, W.Panels);
            for (var panel = first; panel < end; panel++)
            {
                new Span<float>(sums, tiles * TileValues).Clear();
                var scales = W.Panel(panel);
                var quants = scales + W.QuantOffset;
                for (var column = 0; column < W.Columns; column += Rung.ChunkColumns)
                {
                    var groups = Math.Min(Rung.ChunkColumns, W.Columns - column) / format.GroupColumns;
                    Rung.Unpack(format, scales, quants, groups, unpacked);
                    scales += groups * format.ScaleBytes;
                    quants += groups * format.QuantBytes;
                    var x = X + (long)First * stride + column / ActivationBlock.Columns;
                    for (var tile = 0; tile < tiles; tile++, x += Activations.TokenTile * (long)stride)
                        Rung.MultiplyTile(format.Kind, unpacked, groups * format.BlocksPerGroup, x, stride, sums + tile * TileValues);
                }
                Store(sums, panel * PackedFormat.Rows, W.Rows, Y + (long)First * W.Rows, Tokens);
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
