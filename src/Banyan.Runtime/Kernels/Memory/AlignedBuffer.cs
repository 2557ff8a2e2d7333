using System.Runtime.InteropServices;

namespace Banyan.Runtime.Kernels;

/// <summary>
/// Memory outside the collector's heap, on a 64-byte boundary. From 4 MB on it asks Linux for huge pages, without which random 4 KB pages
/// cost a third of the read bandwidth.
/// </summary>
internal sealed unsafe partial class AlignedBuffer : IDisposable
{
    const long HugePage = 2 << 20, HugeFrom = 4 << 20;
    const int AdviseDontNeed = 4, AdviseHugePage = 14, AdvisePopulateRead = 22;

    byte* _pointer;

    /// <param name="bytes">The length; 0 is allowed.</param>
    /// <param name="zeroed">Whether the bytes are 0 at the start.</param>
    public AlignedBuffer(long bytes, bool zeroed = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Length = bytes;
        var huge = bytes >= HugeFrom;
        _pointer = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 64), huge ? (nuint)HugePage : 64);
        if (huge && OperatingSystem.IsLinux())
            Advise(_pointer, (nuint)bytes, AdviseHugePage);
        if (zeroed)
            NativeMemory.Clear(_pointer, (nuint)bytes);
    }

    ~AlignedBuffer() => Free();

    public long Length { get; }

    public byte* Pointer => _pointer is null ? throw new ObjectDisposedException(nameof(AlignedBuffer)) : _pointer;

    public float* Floats => (float*)Pointer;

    /// <summary>
    /// Tells the system that whole pages of a file mapping inside the range are not needed for now. They read the same when touched again.
    /// Never for memory that is not a file mapping: it would lose its content.
    /// </summary>
    public static void ReleaseMapping(byte* start, long bytes) => AdvisePages(start, bytes, AdviseDontNeed);

    /// <summary>Brings a range of a file mapping into memory at once instead of page fault by page fault.</summary>
    public static void PopulateMapping(byte* start, long bytes) => AdvisePages(start, bytes, AdvisePopulateRead);

    static void AdvisePages(byte* start, long bytes, int advice)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var page = (nint)Environment.SystemPageSize;
        var first = ((nint)start + page - 1) & -page;
        var end = ((nint)start + (nint)bytes) & -page;
        if (end > first)
            Advise((void*)first, (nuint)(end - first), advice);
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    void Free()
    {
        var pointer = _pointer;
        _pointer = null;
        if (pointer is not null)
            NativeMemory.AlignedFree(pointer);
    }

    // Advice only: a refusal changes speed or memory, never a result.
    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
