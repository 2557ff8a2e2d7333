using System.Runtime.InteropServices;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>
/// Memory that ends exactly at a page that nobody may touch: a read or write beyond the end kills the process, so tests see it.
/// </summary>
sealed unsafe partial class GuardedMemory : IDisposable
{
    readonly byte* _mapping;
    readonly long _mapped;

    public GuardedMemory(long bytes)
    {
        long page = Environment.SystemPageSize;
        Length = bytes;
        if (!OperatingSystem.IsLinux())
        {
            Pointer = (byte*)NativeMemory.AllocZeroed((nuint)Math.Max(1, bytes));
            return;
        }
        var usable = (bytes + page - 1) / page * page;
        _mapped = usable + page;
        _mapping = (byte*)Map(0, (nuint)_mapped, 3, 0x22, -1, 0);
        Assert.NotEqual(-1, (nint)_mapping);
        Assert.Equal(0, Protect(_mapping + usable, (nuint)page, 0));
        Pointer = _mapping + usable - bytes;
    }

    /// <summary>Not aligned: the end is.</summary>
    public byte* Pointer { get; }

    public long Length { get; }

    public float* Floats => (float*)Pointer;

    public void Dispose()
    {
        if (_mapping is not null)
            _ = Unmap(_mapping, (nuint)_mapped);
        else
            NativeMemory.Free(Pointer);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
