using System.Runtime.InteropServices;

namespace Banyan.Evaluation.Tasks.MultiPle;

/// <summary>
/// The .NET runtime that compiled programs refer to and run on: the one this process runs on or, if this process is a single file with its
/// own runtime, the newest installed one of the same major version.
/// </summary>
/// <param name="Program">The program <c>dotnet</c>.</param>
/// <param name="Libraries">The folder of .NET's own libraries.</param>
sealed record DotnetRuntime(string Program, string Libraries)
{
    const string Framework = "Microsoft.NETCore.App";

    /// <summary>The runtime on this machine; null if there is none.</summary>
    public static DotnetRuntime? Installed { get; } = Of(RuntimeEnvironment.GetRuntimeDirectory())
        ?? Roots().Select(Newest).FirstOrDefault(r => r is not null);

    /// <summary>Its version, like <c>10.0.4</c>.</summary>
    public string Version => Path.GetFileName(Libraries);

    /// <summary>The root folder of .NET.</summary>
    public string Root => Path.GetDirectoryName(Program)!;

    // root/shared/Microsoft.NETCore.App/10.0.4
    static DotnetRuntime? Of(string libraries)
    {
        libraries = Path.TrimEndingDirectorySeparator(Path.GetFullPath(libraries));
        var program = Path.Combine(Path.GetFullPath(Path.Combine(libraries, "..", "..", "..")),
            OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet");
        return File.Exists(program) && File.Exists(Path.Combine(libraries, "System.Runtime.dll")) ? new(program, libraries) : null;
    }

    static DotnetRuntime? Newest(string root)
    {
        var all = Path.Combine(root, "shared", Framework);
        if (!Directory.Exists(all))
            return null;
        return Directory.EnumerateDirectories(all)
            .Select(folder => (Folder: folder,
                Version: System.Version.TryParse(Path.GetFileName(folder), out var version) ? version : null))
            .Where(f => f.Version?.Major == Environment.Version.Major)
            .OrderByDescending(f => f.Version)
            .Select(f => Of(f.Folder)).FirstOrDefault(r => r is not null);
    }

    static IEnumerable<string> Roots()
    {
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } told)
            yield return told;
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator,
            StringSplitOptions.RemoveEmptyEntries))
        {
            var program = new FileInfo(Path.Combine(folder, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
            if (program.Exists)
                yield return Path.GetDirectoryName(program.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? program.FullName)!;
        }
        yield return "/usr/share/dotnet";
        yield return "/usr/lib/dotnet";
    }
}
