using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Threads;

/// <summary>What the next products will read first. A thread of the <see cref="WorkerPool"/> that is idle, because others still work or the
/// next step is not divided, prefetches it into the second-level cache, so that memory is never idle while a token is computed.</summary>
/// <remarks> The thread that runs the jobs writes here while others read. They may see halves of two plans and prefetch unneeded data or
/// freed addresses: prefetching a cache line never faults and changes no result. </remarks>
internal sealed unsafe class ReadAhead
{
    /// <summary>Claimed at a time: a page, so that a thread notices the next job within a microsecond.</summary>
    const int ChunkBytes = 4096;

    /// <summary>Half of a second-level cache of 1 MB: the other half holds what is computed with.</summary>
    internal const int MaxChunks = 128;

    const long MaxBytes = (long)MaxChunks * ChunkBytes;

    readonly nint[] _chunks = new nint[MaxChunks];
    int _count, _next;

    /// <summary>Chunks that are planned.</summary>
    internal int Count => _count;

    /// <summary>Discards the plan.</summary>
    public void Clear() => Volatile.Write(ref _count, 0);

    /// <summary>
    /// Plans the <paramref name="bytes"/> bytes from <paramref name="start"/> on, after what is planned, as far as there is room.
    /// </summary>
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

    /// <summary>
    /// Plans where the threads will begin with matrices that are read side by side (gate and up), <paramref name="together"/> panels of
    /// each at a time.
    /// </summary>
    public void Plan(int threads, int together, params ReadOnlySpan<PackedMatrix> matrices)
    {
        Clear();
        var bytes = MaxBytes / matrices.Length / threads;
        var parts = Product.Cut(matrices[0].Panels / together, together * matrices.Length * matrices[0].PanelBytes, threads);
        for (var part = 0; part < Math.Min(threads, parts.Count); part++)
            foreach (var matrix in matrices)
            {
                var (first, end) = parts[part];
                Add(matrix.Panel(first * together), Math.Min((end - first) * together * matrix.PanelBytes, bytes));
            }
    }

    /// <summary>Prefetches the next chunk; false if there is none.</summary>
    public bool Fetch()
    {
        if (Volatile.Read(ref _next) >= Volatile.Read(ref _count))
            return false;
        var chunk = Interlocked.Increment(ref _next) - 1;
        if ((uint)chunk >= (uint)_count)
            return false;
        Ask((byte*)_chunks[chunk], ChunkBytes);
        return true;
    }

    /// <summary>Prefetches cache lines that this thread will read soon.</summary>
    public static void Ask(byte* from, long bytes)
    {
        if (Sse.IsSupported)
            for (long line = 0; line < bytes; line += 64)
                Sse.Prefetch1(from + line);
    }
}
