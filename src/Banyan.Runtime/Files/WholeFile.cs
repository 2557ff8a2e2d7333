using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Banyan.Runtime.Files;

/// <summary>Files that are written atomically and survive a power cut.</summary>
static partial class WholeFile
{
    /// <summary>
    /// Writes a file beside <paramref name="path"/>, flushes it to disk and moves it into place; if writing fails, nothing is left behind.
    /// </summary>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = path + ".tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            Move(temporary, path);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Moves a file that is on disk into place, durably.</summary>
    public static void Move(string from, string path)
    {
        File.Move(from, path, overwrite: true);
        FlushFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    // The new name itself, which .NET has no call for. Windows journals it (NTFS); file systems that cannot flush folders say so, and have
    // nothing to flush.
    static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        using var handle = Open(folder, 0);
        if (!handle.IsInvalid)
            _ = Synchronize(handle);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Synchronize(SafeFileHandle handle);
}
