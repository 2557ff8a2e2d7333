using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models;
using Banyan.Training.Kernels;

namespace Banyan.Training.Passes;

/// <summary>The input of a forward and backward pass: a sequence into which texts are packed. Each text has positions from 0 on and attends
/// to itself alone. Reused from pass to pass.</summary>
internal sealed unsafe class TrainingPass(int maxRows, WorkerPool pool) : IDisposable
{
    readonly int[] _tokens = new int[maxRows], _positions = new int[maxRows], _targetRows = new int[maxRows];
    readonly Segment[] _segments = new Segment[maxRows];
    readonly int[] _segmentTargets = new int[maxRows + 1];
    readonly Dictionary<RopeConfig, (RopeAngles There, RopeAngles Back)> _angles = [];
    int _segmentCount;

    public WorkerPool Pool => pool;

    /// <summary>The maximum rows.</summary>
    public int MaxRows => maxRows;

    public int Rows { get; private set; }

    /// <summary>Rows that predict a target: the row before it.</summary>
    public int TargetCount { get; private set; }

    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Rows);

    public ReadOnlySpan<Segment> Segments => _segments.AsSpan(0, _segmentCount);

    public ReadOnlySpan<int> TargetRows => _targetRows.AsSpan(0, TargetCount);

    /// <summary>The token that a target row predicts.</summary>
    public int Target(int index) => _tokens[_targetRows[index] + 1];

    /// <summary>The targets of a text, as indexes of <see cref="TargetRows"/>.</summary>
    public (int First, int End) TargetsOf(int segment) => (_segmentTargets[segment], _segmentTargets[segment + 1]);

    /// <summary>Whether the pass computes the base model, without the adapter.</summary>
    public bool IsBase { get; set; }

    /// <summary>Whether products with frozen weights are of BF16.</summary>
    public bool UsesBFloat16 { get; set; }

    public void Clear() => (Rows, TargetCount, _segmentCount) = (0, 0, 0);

    /// <summary>Adds a text, truncated to <paramref name="most"/>.</summary>
    public void Add(Sample sample, int most = int.MaxValue)
    {
        var count = Math.Min(sample.Tokens.Length, most);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Rows + count, maxRows);
        _segments[_segmentCount++] = new Segment(Rows, count);
        for (var i = 0; i < count; i++)
        {
            (_tokens[Rows + i], _positions[Rows + i]) = (sample.Tokens[i], i);
            if (i > 0 && sample.Targets[i])
                _targetRows[TargetCount++] = Rows + i - 1;
        }
        Rows += count;
        _segmentTargets[_segmentCount] = TargetCount;
    }

    /// <summary>Computes what all layers share: the angles of the positions.</summary>
    public void Begin()
    {
        foreach (var (there, back) in _angles.Values)
        {
            there.Compute(_positions.AsSpan(0, Rows));
            back.Compute(_positions.AsSpan(0, Rows));
        }
    }

    /// <summary>Registers a rotation that a block will use.</summary>
    public void Expect(RopeConfig rope)
    {
        if (_angles.ContainsKey(rope))
            return;
        float[] frequencies = [.. rope.Frequencies().Select(f => (float)f)], negated = [.. frequencies.Select(f => -f)];
        _angles.Add(rope, (new(frequencies, maxRows, (float)rope.Magnitude), new(negated, maxRows, (float)rope.Magnitude)));
    }

    /// <summary>
    /// Rotates x[rows, heads, headSize] by the rows' positions; <paramref name="back"/>: if true, the backward pass with negated angles.
    /// </summary>
    public void Rotate(float* x, int heads, int headSize, RopeConfig rope, bool back = false)
    {
        var (there, negated) = _angles[rope];
        var style = rope.Pairs == RopePairs.Neighbours ? RopeStyle.Interleaved : RopeStyle.Halves;
        Rope.Apply(x, Rows, heads, headSize, heads * headSize, back ? negated : there, style, pool);
    }

    public void Dispose()
    {
        foreach (var (there, back) in _angles.Values)
        {
            there.Dispose();
            back.Dispose();
        }
    }
}
