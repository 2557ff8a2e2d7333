using System.Diagnostics;

namespace Banyan.Evaluation.Tests.Sandboxes;

/// <summary>A folder in a folder that only its owner may enter, as root's home is.</summary>
sealed class ClosedFolder : IDisposable
{
    readonly string _top = Directory.CreateTempSubdirectory("banyan-closed-").FullName; // 0700

    public ClosedFolder() => Path = Directory.CreateDirectory(System.IO.Path.Combine(_top, "inner")).FullName;

    public string Path { get; }

    /// <summary>A path in it, whose folder is there.</summary>
    public string Add(string path)
    {
        var whole = System.IO.Path.Combine(Path, path);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(whole)!);
        return whole;
    }

    /// <summary>The file of npm's package below its folder, as the package linked file by file into this folder has it.</summary>
    public string Link(string script)
    {
        var package = System.IO.Path.GetDirectoryName(System.IO.Path.GetDirectoryName(script))!;
        using var copy = Process.Start("/bin/sh",
            ["-c", "cp -al \"$1\" \"$2\" 2>/dev/null || cp -a \"$1\" \"$2\"", "sh", package, System.IO.Path.Combine(Path, "package")]);
        copy.WaitForExit();
        return System.IO.Path.Combine(Path, "package", "lib", "tsc.js");
    }

    public static void Mode(string path, string octal)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32(octal, 8));
    }

    public void Dispose() => Directory.Delete(_top, recursive: true);
}
