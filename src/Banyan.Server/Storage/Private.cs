using Microsoft.Win32.SafeHandles;

namespace Banyan.Server.Storage;

/// <summary>
/// Folders and files that only the account that runs the hub may read: they hold private repositories, and the keys that authorize uploads
/// and downloads. On Windows a user's folder is private by default.
/// </summary>
public static class Private
{
    const UnixFileMode Folder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File = UnixFileMode.UserRead
        | UnixFileMode.UserWrite;

    const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead
        | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Makes a folder, 0700; an existing one is left unchanged.</summary>
    public static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else if (!Directory.Exists(path))
            Directory.CreateDirectory(path, Folder);
    }

    /// <summary>A new temporary file, 0600, that is deleted when it is closed.</summary>
    public static FileStream CreateTemporary(string folder, string name) => Create(
        Path.Combine(folder, $"{name}-{Guid.NewGuid():N}"),
        new()
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = 1 << 16,
            Options = FileOptions.DeleteOnClose
        });

    /// <summary>A new file, 0600.</summary>
    public static FileStream Create(string path, FileStreamOptions options)
    {
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = File;
        return new FileStream(path, options);
    }

    /// <summary>A new file, 0600, without a buffer.</summary>
    internal static SafeFileHandle CreateHandle(string path)
    {
        var handle = System.IO.File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        if (!OperatingSystem.IsWindows())
            System.IO.File.SetUnixFileMode(handle, File);
        return handle;
    }

    /// <summary>Makes a file, 0600, unless it is there.</summary>
    internal static void Touch(string path)
    {
        if (!System.IO.File.Exists(path))
            Create(path, new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite }).Dispose();
    }

    /// <summary>A warning if other accounts of the machine can enter a folder; null if they cannot or it does not exist.</summary>
    public static string? Warning(string path)
    {
        if (OperatingSystem.IsWindows() || !Directory.Exists(path))
            return null;
        var mode = System.IO.File.GetUnixFileMode(path);
        return (mode & Others) == 0 ? null
            : $"other accounts of this machine may enter {path} (mode {Convert.ToString((int)mode & 0x1FF, 8)}), which holds private repositories and keys: chmod -R go= {path}";
    }
}
