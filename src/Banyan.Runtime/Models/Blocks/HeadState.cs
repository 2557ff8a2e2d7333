using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models.Blocks;

/// <summary>A head's part of a recurrent state during a pass: it starts from the state after the tokens before, changes in place in the
/// slot of the pass's end, and is copied for every other length at which the sequence may continue.</summary>
internal readonly unsafe ref struct HeadState
{
    readonly Checkpoints _checkpoints;
    readonly RecurrentShape _shape;
    readonly long _offset;
    readonly int _count, _length, _end;

    /// <param name="part">The rows.</param>
    /// <param name="shape">The layer's state.</param>
    /// <param name="offset">Where the head's numbers begin in it.</param>
    /// <param name="count">How many they are.</param>
    public HeadState(Batch.Part part, RecurrentShape shape, long offset, int count)
    {
        (_checkpoints, _shape, _offset, _count) = (part.Sequence.Checkpoints, shape, offset, count);
        (_length, _end) = (part.Sequence.Length, part.Sequence.Length + part.Count);
        Floats = _checkpoints.At(_end, shape) + offset;
        var before = _checkpoints.At(_length, shape);
        if (before is null)
            new Span<float>(Floats, count).Clear();
        else
            new Span<float>(before + offset, count).CopyTo(new Span<float>(Floats, count));
    }

    /// <summary>The state after the rows so far.</summary>
    public float* Floats { get; }

    /// <summary>The number of rows after which the state has to be kept next, or the pass ends; at most <paramref name="most"/>.</summary>
    /// <param name="rows">Rows that are done.</param>
    /// <param name="most">A bound greater than <paramref name="rows"/>.</param>
    public int Next(int rows, int most)
    {
        for (rows++; rows < most && _length + rows < _end && !_checkpoints.Has(_length + rows);)
            rows++;
        return rows;
    }

    /// <summary>Called after the given number of rows.</summary>
    public void Keep(int rows)
    {
        if (_length + rows < _end && _checkpoints.Has(_length + rows))
            new Span<float>(Floats, _count).CopyTo(new Span<float>(_checkpoints.At(_length + rows, _shape) + _offset, _count));
    }
}
