using System.Runtime.InteropServices;

namespace Banyan.Cli;

/// <summary>Where a command may put a file.</summary>
static partial class Outputs
{
    /// <summary>What is at a path, if it is not a file that can be replaced: a link, a device, a pipe, a socket, a folder. Renaming a file
    /// onto <c>/dev/null</c> or a link would replace what other programs rely on.</summary>
    public static string? NoFile(string path)
    {
        var info = new FileInfo(path);
        if (info.LinkTarget is { } target)
            return $"a link to {target}";
        if (Directory.Exists(path))
            return "a folder";
        // Devices, pipes and sockets have no length, and cannot be given one.
        return info.Exists && info.Length == 0 && !OperatingSystem.IsWindows() && Truncate(path, 0) != 0
            ? "a device, a pipe, a socket or not yours to write" : null;
    }

    [LibraryImport("libc", EntryPoint = "truncate", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Truncate(string path, long length);
}
