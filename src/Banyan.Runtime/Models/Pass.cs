using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models;

/// <summary>The data that the blocks of one pass share: its rows, the states of their sequences, threads, and memory. Reused from pass to
/// pass.</summary>
internal sealed unsafe class Pass : IDisposable
{
    readonly List<Angles> _angles = [];
    readonly AttentionSpan[] _spans;
    readonly List<AdaptedRows> _adapted = [];
    bool _areWanted; // only rows whose results are wanted are left

    /// <param name="model">The model.</param>
    /// <param name="cache">The layers' states of all sequences.</param>
    /// <param name="rows">The maximum rows of a pass.</param>
    /// <param name="pool">The threads.</param>
    public Pass(Model model, KvCache cache, int rows, WorkerPool pool)
    {
        (Cache, Pool, Precision) = (cache, pool, Precision.Of(model.Options, model.Weights.Blocks));
        Memory = new Workspace(rows);
        _spans = new AttentionSpan[rows];
    }

    /// <summary>The rows as they came. A mixer computes all of them.</summary>
    public Batch Batch { get; private set; } = null!;

    /// <summary>How many rows there are now: all of the batch's, and after the last mixer those whose results are wanted.</summary>
    public int Rows { get; private set; }

    /// <summary>Of <see cref="Rows"/>, those of sequences with an adapter.</summary>
    public ReadOnlySpan<AdaptedRows> Adapted => CollectionsMarshal.AsSpan(_adapted);

    public WorkerPool Pool { get; }

    public Precision Precision { get; }

    public KvCache Cache { get; }

    public Workspace Memory { get; }

    /// <summary>Receives the sums of the products' inputs; null: not summed.</summary>
    public InputSums? Inputs { get; set; }

    /// <summary>Another batch.</summary>
    public void Begin(Batch batch)
    {
        (Batch, Rows, _areWanted) = (batch, batch.Count, false);
        foreach (var angles in _angles)
            angles.AreComputed = false;
        _adapted.Clear();
        foreach (var part in batch.Parts)
            Adapt(part.Sequence.Adapter, part.First, part.Count);
    }

    void Adapt(ModelAdapter? adapter, int first, int count)
    {
        if (adapter is null)
            return;
        if (_adapted.Count > 0 && _adapted[^1] is var last && last.Adapter == adapter && last.First + last.Count == first)
            _adapted[^1] = last with { Count = last.Count + count };
        else
            _adapted.Add(new(adapter, first, count));
    }

    /// <summary>Moves the rows of x[rows, columns] whose results are wanted to the front. The others are no longer needed: their effect is
    /// in the states.</summary>
    public void KeepWanted(float* x, int columns)
    {
        for (var i = 0; i < Batch.LogitCount; i++)
            if (Batch.LogitRows[i] != i)
                new Span<float>(x + (long)Batch.LogitRows[i] * columns, columns).CopyTo(new Span<float>(x + (long)i * columns, columns));
        Rows = Batch.LogitCount;
        _areWanted = true;
        if (_adapted.Count == 0)
            return;
        _adapted.Clear();
        var part = 0;
        for (var i = 0; i < Rows; i++)
        {
            while (Batch.LogitRows[i] >= Batch.Parts[part].First + Batch.Parts[part].Count)
                part++;
            Adapt(Batch.Parts[part].Sequence.Adapter, i, 1);
        }
    }

    /// <summary>The token of a row.</summary>
    public int Token(int row) => Batch.Tokens[_areWanted ? Batch.LogitRows[row] : row];

    /// <summary>Floats [rows, columns] of any content, until the block's frame ends.</summary>
    public float* Floats(int columns) => Memory.Floats((long)Rows * columns);

    /// <summary>Activations of the given number of columns, until the block's frame ends.</summary>
    public Activations Activations(int columns, int terms = 1) => Memory.Activations(columns, terms);

    /// <summary>Rotates x[rows, heads, headSize] by the rows' positions.</summary>
    public void Rotate(float* x, int heads, int headSize, RopeConfig rope)
    {
        var angles = Of(rope);
        var style = rope.Pairs == RopePairs.Neighbours ? RopeStyle.Interleaved : RopeStyle.Halves;
        Rope.Apply(x, Rows, heads, headSize, heads * headSize, angles.Table, style, Pool);
    }

    // Computed once a pass for all layers that turn alike.
    Angles Of(RopeConfig rope)
    {
        var i = 0;
        while (i < _angles.Count && _angles[i].Rope != rope)
            i++;
        if (i == _angles.Count)
            _angles.Add(new Angles(rope, Memory.MaxRows));
        if (!_angles[i].AreComputed)
            _angles[i].Table.Compute(Batch.Positions);
        _angles[i].AreComputed = true;
        return _angles[i];
    }

    /// <summary>Where the keys and values of the batch's sequences lie.</summary>
    public ReadOnlySpan<AttentionSpan> Spans(KvShape state)
    {
        var (count, offset) = (0, Cache.Offset(state));
        foreach (var part in Batch.Parts)
            _spans[count++] = new AttentionSpan(Cache.Pages(state, part.Sequence), offset, part.First, part.Count, part.Sequence.Length);
        return _spans.AsSpan(0, count);
    }

    public void Dispose()
    {
        Memory.Dispose();
        foreach (var angles in _angles)
            angles.Table.Dispose();
    }

    /// <summary>Rows [First, First + Count) are of sequences with that adapter.</summary>
    public readonly record struct AdaptedRows(ModelAdapter Adapter, int First, int Count);

    sealed class Angles(RopeConfig rope, int rows)
    {
        public RopeConfig Rope => rope;

        public RopeAngles Table { get; } = new([.. rope.Frequencies().Select(f => (float)f)], rows, (float)rope.Magnitude);

        public bool AreComputed { get; set; }
    }
}
