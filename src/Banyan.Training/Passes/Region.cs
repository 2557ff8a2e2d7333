using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;

namespace Banyan.Training.Passes;

/// <summary>Memory that is laid out before it is allocated, so that a run's size is known to the byte in advance. Blocks reserve their
/// places when they are built (<see cref="Take"/>) and find them at run time through a <see cref="Slot"/>.</summary>
internal sealed unsafe class Region
{
    const int Alignment = 16; // floats: a cache line

    long _used;

    /// <summary>Floats taken in total; with frames, the peak.</summary>
    public long Size { get; private set; }

    /// <summary>Its address once it is allocated.</summary>
    public float* Start { get; set; }

    /// <summary>The next floats.</summary>
    public Slot Take(long floats)
    {
        var slot = new Slot(this, _used);
        _used += (floats + Alignment - 1) / Alignment * Alignment;
        Size = Math.Max(Size, _used);
        return slot;
    }

    /// <summary>What is taken from here on may be reused after <see cref="Return"/>.</summary>
    public long Mark() => _used;

    /// <summary>Releases what was taken after the mark.</summary>
    public void Return(long mark) => _used = mark;

    /// <summary>Allocates the region separately.</summary>
    public AlignedBuffer Allocate(bool zeroed)
    {
        var buffer = new AlignedBuffer(Size * sizeof(float), zeroed);
        Start = buffer.Floats;
        return buffer;
    }
}

/// <summary>A place in a region.</summary>
internal readonly unsafe struct Slot(Region region, long offset)
{
    public float* Floats => region.Start + offset;
}
