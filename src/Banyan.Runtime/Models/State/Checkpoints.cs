using System.Runtime.InteropServices;

namespace Banyan.Runtime.Models.State;

/// <summary>The recurrent states of one sequence: at its length, at the lengths that guesses may lead to, and at ends of pages until those
/// become snapshots.</summary>
internal sealed unsafe class Checkpoints(RecurrentStates states)
{
    readonly List<Checkpoint> _all = []; // by length
    long _lastOfAnswer;

    /// <summary>The end of the prompt's last whole page, where a snapshot serves the next prompt of the conversation.</summary>
    public int Boundary { get; private set; }

    /// <summary>Tokens that the sequence began with.</summary>
    public int PromptLength { get; private set; }

    record struct Checkpoint(int Length, int Slot, long Serial);

    /// <summary>A sequence begins: with the snapshot of that serial, or with none.</summary>
    public void Begin(int length, long serial, int promptLength, int pageTokens)
    {
        (PromptLength, Boundary, _lastOfAnswer) = (promptLength, (promptLength - 1) / pageTokens * pageTokens, PagePool.Root);
        if (length > 0)
            _all.Add(new(length, states.CopyOf(serial), PagePool.Root));
    }

    /// <summary>
    /// A pass computes [from, end): a slot for each of the last <paramref name="stops"/> lengths, at least for the end, and for the
    /// boundary.
    /// </summary>
    public void Plan(int from, int end, int stops)
    {
        while (_all.Count > 0 && _all[^1].Length > from)
            Leave(_all.Count - 1);
        var first = end - Math.Max(stops, 1) + 1;
        if (Boundary > from && Boundary < first)
            _all.Add(new(Boundary, states.Take(), PagePool.Root));
        for (var length = first; length <= end; length++)
            _all.Add(new(length, states.Take(), PagePool.Root));
    }

    /// <summary>The states of a layer after the given number of tokens; null for 0.</summary>
    public float* At(int length, RecurrentShape shape)
    {
        foreach (ref readonly var checkpoint in CollectionsMarshal.AsSpan(_all))
            if (checkpoint.Length == length)
                return states[checkpoint.Slot] + shape.Offset;
        return length == 0 ? null : throw new InvalidOperationException($"no state is kept after {length} tokens");
    }

    /// <summary>Whether a pass has to leave its state after the given number of tokens.</summary>
    public bool Has(int length)
    {
        foreach (ref readonly var checkpoint in CollectionsMarshal.AsSpan(_all))
            if (checkpoint.Length == length)
                return true;
        return false;
    }

    /// <summary>A page has become full at this length.</summary>
    public void PageEnds(int length, long serial)
    {
        if (length != Boundary && length <= PromptLength)
            return; // of a prompt's inner pages no snapshot is kept
        foreach (ref var checkpoint in CollectionsMarshal.AsSpan(_all))
            if (checkpoint.Length == length)
                checkpoint.Serial = serial;
    }

    /// <summary>The sequence never rolls back behind this length.</summary>
    public void Advance(int length)
    {
        while (_all.Count > 0 && _all[0].Length < length)
            Leave(0);
    }

    /// <summary>The state after that length becomes a snapshot, whatever else an answer leaves.</summary>
    public void Keep(int length, long serial)
    {
        var index = _all.FindIndex(c => c.Length == length);
        states.Keep(serial, _all[index].Slot);
        _all.RemoveAt(index);
    }

    public void Release()
    {
        while (_all.Count > 0)
            Leave(0);
    }

    void Leave(int index)
    {
        var checkpoint = _all[index];
        _all.RemoveAt(index);
        if (checkpoint.Serial == PagePool.Root)
        {
            states.Free(checkpoint.Slot);
            return;
        }
        states.Keep(checkpoint.Serial, checkpoint.Slot);
        if (checkpoint.Length <= PromptLength)
            return;
        // Of an answer the last snapshot is enough.
        if (_lastOfAnswer != PagePool.Root && _lastOfAnswer != checkpoint.Serial)
            states.Drop(_lastOfAnswer);
        _lastOfAnswer = checkpoint.Serial;
    }
}
