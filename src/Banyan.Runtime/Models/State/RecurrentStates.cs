using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Models.State;

/// <summary>The recurrent states of all layers after some token of a sequence, one slot each. A pass writes a new slot for every length at
/// which its sequence may continue, so that a wrong guess costs nothing: the earlier slot still exists. Slots at the ends of pages are kept
/// as snapshots, by the page's serial, for later prompts with the same prefix; the least recently used one is evicted.</summary>
/// <param name="floats">Numbers of all layers.</param>
internal sealed unsafe class RecurrentStates(long floats) : IDisposable
{
    /// <summary>Snapshots take at most this share of the memory that the process may use.</summary>
    const int MemoryShare = 16, MostSnapshots = 256;

    readonly List<AlignedBuffer> _slots = [];
    readonly Stack<int> _free = [];
    readonly Dictionary<long, (int Slot, long LastUse)> _snapshots = [];
    readonly int _mostSnapshots = (int)Math.Clamp(
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / MemoryShare / (floats * sizeof(float)), 1, MostSnapshots);
    long _uses;

    /// <summary>A slot's numbers, those of all layers one after the other.</summary>
    public float* this[int slot] => _slots[slot].Floats;

    /// <summary>Snapshots that are kept.</summary>
    public int Snapshots => _snapshots.Count;

    /// <summary>A slot of any content.</summary>
    public int Take()
    {
        if (_free.TryPop(out var slot))
            return slot;
        _slots.Add(new AlignedBuffer(floats * sizeof(float), zeroed: false));
        return _slots.Count - 1;
    }

    /// <summary>The slot is not needed any more.</summary>
    public void Free(int slot) => _free.Push(slot);

    /// <summary>Whether there is a snapshot at the end of the page of that serial.</summary>
    public bool Has(long serial) => _snapshots.ContainsKey(serial);

    /// <summary>The slot becomes the snapshot at the end of a page.</summary>
    public void Keep(long serial, int slot)
    {
        if (_snapshots.TryGetValue(serial, out var known))
        {
            Free(slot);
            slot = known.Slot;
        }
        else if (_snapshots.Count == _mostSnapshots)
            EvictOldest();
        _snapshots[serial] = (slot, ++_uses);
    }

    /// <summary>Discards a snapshot.</summary>
    public void Drop(long serial)
    {
        if (_snapshots.Remove(serial, out var snapshot))
            Free(snapshot.Slot);
    }

    /// <summary>A new slot with a snapshot's content.</summary>
    public int CopyOf(long serial)
    {
        var slot = Take();
        var from = _snapshots[serial].Slot;
        _snapshots[serial] = (from, ++_uses);
        Buffer.MemoryCopy(this[from], this[slot], floats * sizeof(float), floats * sizeof(float));
        return slot;
    }

    void EvictOldest()
    {
        var (oldest, least) = (PagePool.Root, long.MaxValue);
        foreach (var (serial, (_, lastUse)) in _snapshots)
            if (lastUse < least)
                (oldest, least) = (serial, lastUse);
        Drop(oldest);
    }

    public void Dispose() => _slots.ForEach(s => s.Dispose());
}
