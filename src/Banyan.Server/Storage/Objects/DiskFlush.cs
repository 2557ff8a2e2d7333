using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Banyan.Server.Storage.Objects;

/// <summary>Makes a change of a folder's entries safe from a power cut, which .NET has no call for.</summary>
static partial class DiskFlush
{
    /// <summary>Flushes a folder's entries to the disk. Windows does so by itself (NTFS journals its metadata).</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public static void Folder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        using var handle = Open(folder, 0);
        if (handle.IsInvalid || Synchronize(handle) != 0)
            throw new IOException($"The entries of {folder} could not be flushed to the disk (error {Marshal.GetLastPInvokeError()}).");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Synchronize(SafeFileHandle handle);
}
