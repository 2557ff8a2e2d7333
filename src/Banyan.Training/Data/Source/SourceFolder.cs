using System.Text;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using Banyan.Training.Data.Records;

namespace Banyan.Training.Data.Source;

/// <summary>A file of source code written by people.</summary>
/// <param name="Repository">The name of its repository's folder.</param>
/// <param name="Path">Its path in there, with slashes.</param>
/// <param name="Text">Its text, with LF line ends.</param>
sealed record SourceFile(string Repository, string Path, string Text);

/// <summary>The files of a folder of source code, and what was left out.</summary>
sealed partial class SourceFolder(string folder)
{
    const int SmallestBytes = 40, LargestBytes = 1 << 20, LongestLine = 1000;

    static readonly HashSet<string> s_extensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".cs", ".fs", ".vb", ".go", ".java", ".kt", ".kts", ".scala", ".py", ".rb",
        ".php", ".pl", ".lua", ".r",
        ".jl", ".rs", ".swift", ".m", ".mm", ".dart", ".js", ".jsx", ".mjs", ".ts", ".tsx", ".vue", ".svelte", ".sql", ".sh",
        ".ps1", ".hs", ".ml", ".ex",
        ".exs", ".erl", ".clj", ".zig", ".css", ".scss", ".html", ".razor", ".cshtml", ".tf", ".proto", ".graphql", ".yaml",
        ".yml", ".toml", ".cmake",
    };

    static readonly string[] s_licences = ["LICENSE", "LICENCE", "COPYING", "UNLICENSE", "NOTICE"];

    [GeneratedRegex(@"\.designer\.cs\z|\.g\.cs\z|\.generated\.|_pb2(_grpc)?\.py\z|\.min\.(js|css)\z|AssemblyInfo\.cs\z|package-lock|/(\.[^/]+|node_modules|migrations|generated|obj|bin|dist|build|target|vendor|_vendor|third_party|thirdparty|fixtures|testdata|locale)/", RegexOptions.IgnoreCase)]
    private static partial Regex Unwanted();

    [GeneratedRegex(@"<auto-?generated|@generated|do not edit|automatically generated", RegexOptions.IgnoreCase)]
    private static partial Regex Generated();

    /// <summary>Whether a file's name says that it is source code.</summary>
    public static bool IsSource(string path) => s_extensions.Contains(Path.GetExtension(path));

    /// <summary>Licence files.</summary>
    public IReadOnlyList<string> Licences { get; private set; } = [];

    /// <summary>Near-duplicate files.</summary>
    public int Duplicates { get; private set; }

    /// <summary>Files that are generated, too large or small, or binary.</summary>
    public int LeftOut { get; private set; }

    /// <summary>The files, repository by repository, in the order of their paths.</summary>
    public IEnumerable<SourceFile> Files()
    {
        var all = DataFiles.Below(folder).Order(StringComparer.Ordinal).ToList();
        Licences = [.. all.Where(f => s_licences.Any(l => Path.GetFileName(f).StartsWith(l, StringComparison.OrdinalIgnoreCase)))
            .Select(f => Path.GetRelativePath(folder, f).Replace('\\', '/'))];
        // Each folder that has a licence or a .git of its own is a repository; without any, the whole folder is one.
        var repositories =
            all.Where(f => s_licences.Any(l => Path.GetFileNameWithoutExtension(f).Equals(l, StringComparison.OrdinalIgnoreCase)))
            .Select(f => Path.GetDirectoryName(f)!)
            .Concat(Directory.EnumerateDirectories(folder, ".git",
                new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint })
                    .Select(d => Path.GetDirectoryName(d)!))
            .Distinct().OrderBy(d => d.Length).ToList();
        var seen = new NearDuplicates();
        foreach (var path in all.Where(IsSource))
        {
            var root = repositories.FirstOrDefault(r => path.StartsWith(r + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                ?? folder;
            var relative = Path.GetRelativePath(root, path).Replace('\\', '/');
            if (Clean(path, "/" + Path.GetRelativePath(folder, path).Replace('\\', '/')) is not { } text)
                LeftOut++;
            else if (!seen.TryAdd(text))
                Duplicates++;
            else
                yield return new(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(root))), relative, text);
        }
    }

    static string? Clean(string path, string relative)
    {
        if (Unwanted().IsMatch(relative) || new FileInfo(path).Length is < SmallestBytes or > LargestBytes)
            return null;
        var bytes = File.ReadAllBytes(path);
        if (!Utf8.IsValid(bytes) || bytes.AsSpan().Contains((byte)0))
            return null;
        var text = Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF').ReplaceLineEndings("\n");
        var isOrdinary = !text.Split('\n').Any(line => line.Length > LongestLine)
            && !Generated().IsMatch(text.AsSpan(0, Math.Min(1000, text.Length)));
        return isOrdinary && !string.IsNullOrWhiteSpace(text) ? text : null;
    }
}
