using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Matrices;

/// <summary>Multiplies rows of activations with the panels of a matrix: decides on the kernels, and divides the work so that reused data
/// stays in a cache.</summary>
internal readonly unsafe struct Product
{
    enum Kernels
    {
        /// <summary>Few tokens: each panel is read from memory once and multiplied on the way, some of the tokens at a time.</summary>
        Panels,

        /// <summary>Many tokens: a chunk of a panel is unpacked into the first-level cache and meets all tokens.</summary>
        Tiles,

        /// <summary>Activations and weights in BF16.</summary>
        Pairs,

        /// <summary>Activations and weights as floats.</summary>
        Floats,
    }

    /// <summary>The minimum that a part reads, times the tokens: enough to be worth claiming, little enough to share evenly.</summary>
    const long BytesPerPart = 64 * 1024;

    /// <summary>The size of the last parts, for which other threads wait, if reading is the bottleneck.</summary>
    const long BytesOfLastParts = 32 * 1024;

    /// <summary>
    /// Activations that a part's panels meet one after the other: they stay in the second-level cache from panel to panel.
    /// </summary>
    const int CachedBytes = 640 * 1024;

    /// <summary>Panels of a part that share a column range's activations, where all columns do not fit the cache.</summary>
    const int PanelsPerPart = 4;

    /// <summary>The most tokens, times their terms, of a product: a part keeps the sums of all of them for each of its panels.</summary>
    public const int MaxRows = 512;

    /// <summary>Working memory of <see cref="Sum"/>: a chunk of a panel, unpacked or as floats.</summary>
    public const int WorkBytes = Rung.ChunkBytes;

    const int FloatColumns = WorkBytes / sizeof(float) / PackedFormat.Rows / 256 * 256;

    readonly Rung _rung;
    readonly Kernels _kernels;
    readonly Operand _x;
    readonly int _columns, _rangeColumns;
    readonly bool _exact;

    /// <summary>
    /// Rows [first, first + tokens) of x against matrices of <paramref name="format"/> and <see cref="Fits">those like it</see>.
    /// </summary>
    public Product(Rung rung, Activations x, PackedFormat format, int first, int tokens, WorkerPool pool, bool exact)
        : this(rung, new Operand(x, first), format, tokens, exact)
    {
        if (_kernels == Kernels.Pairs)
            _x.Pairs = Operand.RoundToPairs(rung, x, first, tokens,
                (ushort*)Scratch.ForJob((long)tokens * Operand.PairStride(x.Columns) * sizeof(ushort)), pool);
    }

    /// <summary>Rows of an operand that has the form that <see cref="FormFor"/> returns.</summary>
    public Product(Rung rung, Operand x, PackedFormat format, int tokens, bool exact)
    {
        (_rung, _x, _columns, Tokens, _exact) = (rung, x, x.Columns, tokens, exact);
        _kernels = For(format);
        PanelsTogether = _kernels == Kernels.Tiles && rung.TakesTwoPanels(format) ? 2 : 1;
        _rangeColumns = _columns;
        var bytes = _kernels switch
        {
            Kernels.Tiles => Rows * ActivationBlock.Bytes / (double)ActivationBlock.Columns,
            Kernels.Pairs when Tokens > rung.PanelTokens => Tokens * sizeof(ushort),
            _ => 0,
        };
        if (bytes * _columns > CachedBytes)
            _rangeColumns = Math.Max(1, (int)(CachedBytes / bytes) / Rung.ChunkColumns) * Rung.ChunkColumns;
    }

    /// <summary>The form of activations that weights of this format are multiplied with.</summary>
    public static OperandForm FormFor(Rung rung, PackedFormat format, int terms, bool exact) =>
        !exact && terms == 1 && rung.RoundsToPairs(format) ? OperandForm.Pairs
        : exact || format.Kind == WeightKind.Float ? OperandForm.Floats
        : OperandForm.Blocks;

    Kernels For(PackedFormat format) => FormFor(_rung, format, _x.Terms, _exact) switch
    {
        OperandForm.Pairs => Kernels.Pairs,
        OperandForm.Floats => Kernels.Floats,
        _ => Tokens * _x.Terms <= _rung.PanelRows && _rung.HasPanels(format) ? Kernels.Panels : Kernels.Tiles,
    };

    public int Tokens { get; }

    /// <summary>Rows per token: its values, and their residual if there are two terms.</summary>
    int Terms => _kernels is Kernels.Panels or Kernels.Tiles ? _x.Terms : 1;

    /// <summary>Rows of activations that panels and tiles meet.</summary>
    int Rows => Tokens * Terms;

    int Blocks => _columns / ActivationBlock.Columns;

    /// <summary>Whether the same activations meet this format by the same kernels.</summary>
    public bool Fits(PackedFormat format) => For(format) == _kernels && (PanelsTogether == 1 || _rung.TakesTwoPanels(format));

    /// <summary>Floats of a panel's sums: [tokens, up to a multiple of <see cref="Activations.TokenTile"/>; 16].</summary>
    public int SumsPerPanel => (Tokens + Activations.TokenTile - 1) / Activations.TokenTile * Activations.TokenTile * PackedFormat.Rows;

    /// <summary>Whether panels should be summed together, because they share ranges of columns.</summary>
    public bool HasRanges => _rangeColumns < _columns;

    /// <summary>Panels that are multiplied together: a part should have a multiple of them.</summary>
    public int PanelsTogether { get; }

    /// <summary>Whether reading the weights takes longer than multiplying them.</summary>
    public bool Reads => (_kernels is Kernels.Panels or Kernels.Pairs) && Rows <= _rung.PanelTokens;

    /// <summary>For gate and up, whose products are combined in blocks of 32 rows: how many of the given number of blocks are read of gate
    /// before the same of up. When a thread switches to another region of memory, it waits about a microsecond for the hardware prefetcher:
    /// two threads of Zen 5 that switched every 16, 64, 256 and 1,024 KB read 23, 39, 50 and 58 GB/s, of 60.</summary>
    public int BlocksInTurn(int blocks) => HasRanges ? blocks : Reads ? Math.Min(8, blocks) : 1;

    /// <summary>Panels of that many bytes, or sets of panels, for threads that read them.</summary>
    public static ShrinkingParts Cut(int items, long itemBytes, int threads) =>
        new(items, threads, (int)Math.Clamp(BytesOfLastParts / itemBytes, 1, int.MaxValue));

    /// <summary>Into how many parts to divide a matrix.</summary>
    public int PartsOf(PackedMatrix w, int threads)
    {
        var parts = (int)Math.Clamp(Rows * w.Bytes / BytesPerPart, 1, (w.Panels + PanelsTogether - 1) / PanelsTogether);
        if (parts > 1 && w.Panels / parts < PanelsPerPart)
            // of few panels all parts have the same number: 12 are 12 times 1, not 9 of 1 or 2
            parts = (w.Panels + w.Panels / parts - 1) / (w.Panels / parts);
        return HasRanges ? Math.Clamp(parts, 1, Math.Max(w.Panels / PanelsPerPart, Math.Min(w.Panels, threads))) : parts;
    }

    /// <summary>The panels of one of so many parts of a matrix.</summary>
    public (int First, int End) PanelsOf(PackedMatrix w, int part, int parts)
    {
        var (first, end) = Parts.Range(part, parts, (w.Panels + PanelsTogether - 1) / PanelsTogether);
        return (first * PanelsTogether, Math.Min(end * PanelsTogether, w.Panels));
    }

    /// <summary>sums[panels, tokens, 16] = rows × panels [first, end), a panel's every <see cref="SumsPerPanel"/> floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Sum(PackedMatrix w, int first, int end, byte* work, float* sums)
    {
        if (_kernels == Kernels.Panels)
            for (var panel = first; panel < end; panel++)
                MultiplyPanel(w, panel, sums + (panel - first) * SumsPerPanel);
        else
            SumRanges(w, first, end, work, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void MultiplyPanel(PackedMatrix w, int panel, float* sums)
    {
        var start = w.Panel(panel);
        var passes = (Tokens + _rung.PanelTokens - 1) / _rung.PanelTokens;
        for (var pass = 0; pass < passes; pass++)
        {
            var (token, end) = Parts.Range(pass, passes, Tokens);
            _rung.MultiplyPanel(w.Format, start, start + w.QuantOffset, _columns, _x.Blocks + (long)token * Terms * Blocks, Blocks,
                end - token, sums + token * PackedFormat.Rows, Terms);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void SumRanges(PackedMatrix w, int first, int end, byte* work, float* sums)
    {
        new Span<float>(sums, (end - first) * SumsPerPanel).Clear();
        for (var column = 0; column < _columns; column += _rangeColumns)
            for (int panel = first, panels; panel < end; panel += panels)
            {
                panels = Math.Min(PanelsTogether, end - panel);
                var to = sums + (panel - first) * SumsPerPanel;
                if (panels == 2)
                    AddTwoPanels(w, panel, column, Math.Min(column + _rangeColumns, _columns), (UnpackedBlock*)work, to,
                        isLast: panel + panels >= end);
                else if (_kernels == Kernels.Tiles)
                    AddTiles(w, panel, column, Math.Min(column + _rangeColumns, _columns), (UnpackedBlock*)work, to);
                else if (_kernels == Kernels.Pairs)
                    AddPairs(w, panel, column, Math.Min(column + _rangeColumns, _columns), work, to);
                else
                    AddFloats(w, panel, (float*)work, to);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void AddTiles(PackedMatrix w, int panel, int column, int end, UnpackedBlock* unpacked, float* sums)
    {
        var format = w.Format;
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
            _rung.MultiplyTiles(format.Kind, unpacked, groups * format.BlocksPerGroup,
                _x.Blocks + column / ActivationBlock.Columns, Blocks, Tokens,
                sums, quants, (long)groups * format.QuantBytes, Terms);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void AddTwoPanels(PackedMatrix w, int panel, int column, int end, UnpackedBlock* unpacked, float* sums, bool isLast)
    {
        var format = w.Format;
        var group = column / format.GroupColumns;
        var scales = w.Panel(panel) + (long)group * format.ScaleBytes;
        var quants = w.Panel(panel) + w.QuantOffset + (long)group * format.QuantBytes;
        // What comes after the last columns are the first ones of the next panels.
        var ahead = isLast ? 0 : 2 * w.PanelBytes;
        byte* afterScales = scales + ahead, afterQuants = quants + ahead;
        for (int columns; column < end; column += columns)
        {
            columns = Math.Min(Rung.ChunkColumns / 2, end - column);
            var groups = columns / format.GroupColumns;
            var goesOn = column + columns < end;
            var nextScales = goesOn ? scales + groups * format.ScaleBytes : afterScales;
            var nextQuants = goesOn ? quants + groups * format.QuantBytes : afterQuants;
            ReadAhead.Ask(nextScales, groups * format.ScaleBytes);
            ReadAhead.Ask(nextScales + w.PanelBytes, groups * format.ScaleBytes);
            _rung.MultiplyTwoPanels(format, scales, quants, w.PanelBytes, groups, unpacked,
                _x.Blocks + column / ActivationBlock.Columns, Blocks, Tokens,
                sums, SumsPerPanel, nextQuants, Terms);
            scales = nextScales;
            quants = nextQuants;
        }
    }

    void AddPairs(PackedMatrix w, int panel, int column, int end, byte* work, float* sums)
    {
        var chunk = Tokens <= _rung.PanelTokens ? _columns : Rung.ChunkColumns;
        for (int columns; column < end; column += columns)
        {
            columns = Math.Min(chunk, end - column);
            var quants = w.Panel(panel) + w.QuantOffset + (long)column / 2 * 64;
            _rung.MultiplyPairs(w.Format, quants, columns, _x.Pairs + column, Operand.PairStride(_columns), Tokens, sums, work,
                quants + columns / 2 * 64, chunk / 2 * 64);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void AddFloats(PackedMatrix w, int panel, float* weights, float* sums)
    {
        for (var column = 0; column < _columns; column += FloatColumns)
        {
            var columns = Math.Min(FloatColumns, _columns - column);
            _rung.Dequantize(w, panel, column, columns, weights);
            if (Tokens == 1)
                _rung.MultiplyFloatOne(weights, columns, _x.Rows + column, sums);
            else
                _rung.MultiplyFloatTiles(weights, PackedFormat.Rows, columns, _x.Rows + column, _columns, Tokens, sums, PackedFormat.Rows);
        }
    }
}
