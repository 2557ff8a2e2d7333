using System.Runtime.Intrinsics.X86;

namespace Banyan.Runtime.Kernels;

/// <summary>
/// What the next products will read first. A thread of the <see cref="WorkerPool"/> that has nothing to do, because others still work or because what
/// comes next is not divided, brings it into the second-level cache: the memory is never idle for as long as a token is computed.
/// </summary>
/// <remarks>
/// The thread that runs the jobs writes here while others read. They may see halves of two plans and ask for what nobody needs, or for addresses that are no
/// more: asking for a cache line never faults and changes no result.
/// </remarks>
internal sealed unsafe class ReadAhead
{
    /// <summary>Claimed at a time: a page, so that a thread notices the next job within a microsecond.</summary>
    const int ChunkBytes = 4096;

    /// <summary>Half of a second-level cache of 1 MB: the other half holds what is computed with.</summary>
    const int MaxChunks = 128;

    readonly nint[] _chunks = new nint[MaxChunks];
    int _count, _next;

    /// <summary>Chunks that are planned.</summary>
    internal int Count => _count;

    public bool HasRoom => _count < MaxChunks;

    /// <summary>What was planned is forgotten.</summary>
    public void Clear() => Volatile.Write(ref _count, 0);

    /// <summary>Plans the <paramref name="bytes"/> bytes from <paramref name="start"/> on, behind what is planned, as far as there is room.</summary>
    public void Add(byte* start, long bytes)
    {
        if (!Sse.IsSupported)
            return;
        var count = _count;
        for (; bytes > 0 && count < MaxChunks; start += ChunkBytes, bytes -= ChunkBytes)
            _chunks[count++] = (nint)start;
        Volatile.Write(ref _next, 0);
        Volatile.Write(ref _count, count);
    }

    /// <summary>Plans the beginning of a matrix, or of each of several that are read side by side.</summary>
    public void Plan(params ReadOnlySpan<PackedMatrix> matrices)
    {
        Clear();
        foreach (var matrix in matrices)
            Add(matrix.Panel(0), Math.Min(matrix.Bytes, (long)MaxChunks * ChunkBytes / matrices.Length));
    }

    /// <summary>Asks for the next chunk; false where there is none.</summary>
    public bool Fetch()
    {
        if (Volatile.Read(ref _next) >= Volatile.Read(ref _count))
            return false;
        var chunk = Interlocked.Increment(ref _next) - 1;
        if ((uint)chunk >= (uint)_count)
            return false;
        var from = (byte*)_chunks[chunk];
        for (var line = 0; line < ChunkBytes; line += 64)
            Sse.Prefetch1(from + line);
        return true;
    }
}
