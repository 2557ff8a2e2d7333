using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Banyan.Bench.Hub;

/// <summary>What Linux keeps of files in memory.</summary>
static partial class PageCache
{
    const int DontNeed = 4;

    /// <summary>Makes the next reading of a file, or of a folder's files, come from the disk.</summary>
    public static void Forget(string path)
    {
        if (!OperatingSystem.IsLinux())
            return;
        foreach (var file in Directory.Exists(path) ? Directory.GetFiles(path, "*", SearchOption.AllDirectories) : [path])
        {
            using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            RandomAccess.FlushToDisk(handle);       // what is not written yet stays
            if (Advise(handle, 0, 0, DontNeed) != 0)
                throw new IOException($"{file} stays in the page cache.");
        }
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);
}
