using Banyan.Runtime.Kernels.Packing;

namespace Banyan.Runtime.Kernels;

/// <summary>
/// Rows of activations on their way through the panels of a matrix: which kernels meet, and how the work is cut so that what is used again stays in a cache.
/// </summary>
internal readonly unsafe struct Product
{
    enum Kernels
    {
        /// <summary>Few tokens: each panel is read once and multiplied on the way.</summary>
        Panels,

        /// <summary>Many tokens: a chunk of a panel is unpacked into the first-level cache and meets all tokens.</summary>
        Tiles,

        /// <summary>Activations and weights in BF16.</summary>
        Pairs,

        /// <summary>Activations and weights as floats.</summary>
        Floats,
    }

    /// <summary>What a part reads at least, times the tokens: enough to be worth claiming, little enough to share evenly.</summary>
    const long BytesPerPart = 64 * 1024;

    /// <summary>Activations that a part's panels meet one after the other: they stay in the second-level cache from panel to panel.</summary>
    const int CachedBytes = 640 * 1024;

    /// <summary>Panels of a part that share a column range's activations, where all columns do not fit the cache.</summary>
    const int PanelsPerPart = 4;

    /// <summary>The most tokens of a product: a part keeps the sums of all of them for each of its panels.</summary>
    public const int MaxTokens = 512;

    /// <summary>Working memory of <see cref="Sum"/>: a chunk of a panel, unpacked.</summary>
    public const int WorkBytes = 16 * 1024;

    const int FloatColumns = WorkBytes / sizeof(float) / PackedFormat.Rows;

    readonly Rung _rung;
    readonly Kernels _kernels;
    readonly ActivationBlock* _blocks;
    readonly float* _rows;
    readonly ushort* _pairs;
    readonly int _columns, _pairStride, _rangeColumns;

    /// <summary>Rows [first, first + tokens) of x against matrices of <paramref name="format"/> and <see cref="Fits">those like it</see>.</summary>
    public Product(Rung rung, Activations x, PackedFormat format, int first, int tokens, WorkerPool pool, bool exact)
    {
        (_rung, _columns, Tokens) = (rung, x.Columns, tokens);
        _kernels = For(rung, format, tokens, exact);
        _blocks = x.Blocks + (long)first * x.BlocksPerRow;
        _rows = x.Row(first);
        _rangeColumns = x.Columns;
        if (_kernels == Kernels.Tiles && (long)tokens * x.BlocksPerRow * ActivationBlock.Bytes > CachedBytes)
            _rangeColumns = Math.Max(1, CachedBytes / (tokens * ActivationBlock.Bytes) / Rung.ChunkBlocks) * Rung.ChunkColumns;
        if (_kernels != Kernels.Pairs)
            return;
        // BF16 rows begin at multiples of 16 values; odd columns end with a 0.
        _pairStride = (x.Columns + 15) / 16 * 16;
        _pairs = (ushort*)Scratch.ForJob((long)tokens * _pairStride * sizeof(ushort));
        var round = new RoundJob { Rung = rung, From = _rows, Columns = x.Columns, To = _pairs, Stride = _pairStride, Tokens = tokens };
        pool.Run(ref round, Parts.ForWork((long)tokens * _pairStride, tokens));
    }

    static Kernels For(Rung rung, PackedFormat format, int tokens, bool exact) =>
        !exact && rung.RoundsToPairs(format) ? Kernels.Pairs
        : exact || format.Kind == WeightKind.Float ? Kernels.Floats
        : tokens <= rung.PanelTokens ? Kernels.Panels
        : Kernels.Tiles;

    public int Tokens { get; }

    /// <summary>Whether the same activations meet this format by the same kernels.</summary>
    public bool Fits(PackedFormat format, bool exact) => For(_rung, format, Tokens, exact) == _kernels;

    /// <summary>Floats of a panel's sums: [tokens, up to a multiple of <see cref="Activations.TokenTile"/>; 16].</summary>
    public int SumsPerPanel => (Tokens + Activations.TokenTile - 1) / Activations.TokenTile * Activations.TokenTile * PackedFormat.Rows;

    /// <summary>Whether panels should be summed together, because they share ranges of columns.</summary>
    public bool HasRanges => _rangeColumns < _columns;

    /// <summary>Into how many parts to divide a matrix.</summary>
    public int PartsOf(PackedMatrix w, int threads)
    {
        var parts = (int)Math.Clamp(Tokens * w.Bytes / BytesPerPart, 1, w.Panels);
        return HasRanges ? Math.Clamp(parts, 1, Math.Max(w.Panels / PanelsPerPart, Math.Min(w.Panels, threads))) : parts;
    }

    /// <summary>sums[panels, tokens, 16] = rows × panels [first, end).</summary>
    public void Sum(PackedMatrix w, int first, int end, byte* work, float* sums)
    {
        if (_kernels == Kernels.Panels)
        {
            for (var panel = first; panel < end; panel++, sums += SumsPerPanel)
                _rung.MultiplyPanel(w.Format, w.Panel(panel), w.Panel(panel) + w.QuantOffset, _columns, _blocks, _columns / ActivationBlock.Columns, Tokens, sums);
            return;
        }
        new Span<float>(sums, (end - first) * SumsPerPanel).Clear();
        for (var column = 0; column < _columns; column += _rangeColumns)
            for (var panel = first; panel < end; panel++)
            {
                var to = sums + (panel - first) * SumsPerPanel;
                if (_kernels == Kernels.Tiles)
                    AddTiles(w, panel, column, Math.Min(column + _rangeColumns, _columns), (UnpackedBlock*)work, to);
                else if (_kernels == Kernels.Pairs)
                    AddPairs(w, panel, work, to);
                else
                    AddFloats(w, panel, (float*)work, to);
            }
    }

    void AddTiles(PackedMatrix w, int panel, int column, int end, UnpackedBlock* unpacked, float* sums)
    {
        var (format, stride) = (w.Format, _columns / ActivationBlock.Columns);
        var group = column / format.GroupColumns;
        var scales = w.Panel(panel) + (long)group * format.ScaleBytes;
        var quants = w.Panel(panel) + w.QuantOffset + (long)group * format.QuantBytes;
        for (int columns; column < end; column += columns)
        {
            columns = Math.Min(Rung.ChunkColumns, end - column);
            var groups = columns / format.GroupColumns;
            _rung.UnpackForTiles(format, scales, quants, groups, unpacked);
            scales += groups * format.ScaleBytes;
            quants += groups * format.QuantBytes;
            _rung.MultiplyTiles(format.Kind, unpacked, groups * format.BlocksPerGroup, _blocks + column / ActivationBlock.Columns, stride, Tokens,
                sums, quants, (long)groups * format.QuantBytes);
        }
    }

    void AddPairs(PackedMatrix w, int panel, byte* work, float* sums)
    {
        var chunk = Tokens <= _rung.PanelTokens ? _columns : Rung.ChunkColumns;
        for (var column = 0; column < _columns; column += chunk)
            _rung.MultiplyPairs(w.Format, w.Panel(panel) + w.QuantOffset + (long)column / 2 * 64, Math.Min(chunk, _columns - column), _pairs + column, _pairStride,
                Tokens, sums, work);
    }

    void AddFloats(PackedMatrix w, int panel, float* weights, float* sums)
    {
        for (var column = 0; column < _columns; column += FloatColumns)
        {
            var columns = Math.Min(FloatColumns, _columns - column);
            _rung.Dequantize(w, panel, column, columns, weights);
            if (Tokens == 1)
                _rung.MultiplyFloatOne(weights, columns, _rows + column, sums);
            else
                for (var token = 0; token < Tokens; token += Activations.TokenTile)
                    _rung.MultiplyFloatTile(weights, PackedFormat.Rows, columns, _rows + (long)token * _columns + column, _columns,
                        sums + token * PackedFormat.Rows, PackedFormat.Rows);
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
}
