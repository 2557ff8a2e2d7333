using System.Runtime.InteropServices;

namespace Banyan.Runtime.Kernels.Memory;

/// <summary>Memory outside the collector's heap, on a 64-byte boundary. From 2 MB on it asks Linux for huge pages, without which random 4
/// KB pages cost a third of the read bandwidth.</summary>
/// <remarks> On Linux, buffers from 128 KB on have pages of their own, which are returned to the system at once when they are freed.
/// glibc's malloc maps such sizes only until the first of them is freed; later ones come from a thread's arena, where the memory of an
/// unloaded model stays behind between smaller blocks. </remarks>
internal sealed unsafe partial class AlignedBuffer : IDisposable
{
    const long HugePage = 2 << 20, HugeFrom = HugePage, MappedFrom = 128 << 10;
    const int ReadWrite = 3, PrivateAnonymous = 0x22;
    const int AdviseDontNeed = 4, AdviseHugePage = 14, AdvisePopulateRead = 22;

    // For tests: what is read or written behind the end ends the process.
    static readonly bool s_guarded = OperatingSystem.IsLinux() && Environment.GetEnvironmentVariable("BANYAN_GUARDED_MEMORY") == "true";

    byte* _pointer;
    readonly long _mapped; // 0: allocated
    readonly long _gap; // bytes of the first page before the pointer

    /// <param name="bytes">The length; 0 is allowed.</param>
    /// <param name="zeroed">Whether the bytes are 0 at the start.</param>
    public AlignedBuffer(long bytes, bool zeroed = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Length = bytes;
        var huge = bytes >= HugeFrom;
        if (s_guarded)
        {
            var page = Environment.SystemPageSize;
            _mapped = ((bytes + page - 1) & -page) + page;
            _gap = (_mapped - page - bytes) & -64;
            _pointer = NewPages(_mapped, 0) + _gap;
            _ = Protect(_pointer - _gap + _mapped - page, (nuint)page, 0);
            return;
        }
        _mapped = OperatingSystem.IsLinux() && bytes >= MappedFrom
            ? (bytes + Environment.SystemPageSize - 1) & -Environment.SystemPageSize : 0;
        _pointer = _mapped == 0 ? (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 64), huge ? (nuint)HugePage : 64)
            : NewPages(_mapped, huge ? HugePage : 0);
        if (huge && OperatingSystem.IsLinux())
            Advise(_pointer, (nuint)bytes, AdviseHugePage);
        if (zeroed && _mapped == 0)
            NativeMemory.Clear(_pointer, (nuint)bytes);
    }

    // Where a boundary is wanted, more is mapped and both ends are given back.
    static byte* NewPages(long bytes, long boundary)
    {
        var whole = (nint)Map(null, (nuint)(bytes + boundary), ReadWrite, PrivateAnonymous, -1, 0);
        if (whole == -1)
            throw new OutOfMemoryException($"the system has no {bytes} bytes of memory left for this process");
        if (boundary == 0)
            return (byte*)whole;
        var first = (whole + (nint)boundary - 1) & -(nint)boundary;
        if (first > whole)
            _ = Unmap((void*)whole, (nuint)(first - whole));
        if (whole + boundary > first)
            _ = Unmap((byte*)first + bytes, (nuint)(whole + boundary - first));
        return (byte*)first;
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
        if (pointer is not null && _mapped > 0)
            _ = Unmap(pointer - _gap, (nuint)_mapped);
        else if (pointer is not null)
            NativeMemory.AlignedFree(pointer);
    }

    // Advice only: a refusal changes speed or memory, never a result.
    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
