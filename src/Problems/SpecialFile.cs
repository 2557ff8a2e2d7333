using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Banyan;

/// <summary>Pipes, sockets and devices that a folder may contain beside its files: opening one may block forever.</summary>
static partial class SpecialFile
{
    /// <summary>Whether a file is one of these, or cannot be read. A file without length is opened in non-blocking mode, so that a pipe
    /// without a writer does not block: only a regular file is seekable.</summary>
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
