using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Banyan;

/// <summary>Pipes, sockets and devices, which a folder may hold beside its files: to open one may wait for ever.</summary>
static partial class SpecialFile
{
    /// <summary>
    /// Whether a file is one, or may not be read. What has no length is opened without waiting for whoever writes into a pipe: only a file
    /// can be gone through.
    /// </summary>
    public static bool Is(FileInfo file)
    {
        if (file.Length > 0 || OperatingSystem.IsWindows())
            return false;
        // O_RDONLY | O_NONBLOCK
        using var opened = new SafeFileHandle(Open(file.FullName, OperatingSystem.IsMacOS() ? 4 : 0x800), ownsHandle: true);
        if (opened.IsInvalid)
            return true;
        using var stream = new FileStream(opened, FileAccess.Read, 1);
        return !stream.CanSeek;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string path, int flags);
}
