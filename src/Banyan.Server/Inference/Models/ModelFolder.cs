using System.Text.Json;
using System.Text.RegularExpressions;

namespace Banyan.Server.Inference.Models;

/// <summary>Finds models under a folder: GGUF files (the first part of a split one) and folders of safetensors.</summary>
static partial class ModelFolder
{
    const string AdapterConfig = "adapter_config.json";
    const int MaxDepth = 3;   // models/owner/name/file.gguf

    /// <summary>Models, and folders of adapters with the base that each names; of a model it is null.</summary>
    public static IEnumerable<(string Name, string Path, string? Base)> Find(string folder) =>
        Directory.Exists(folder) ? Search(folder, 0)
        .Select(path => (NameOf(path), path, CreatedModel.Is(path) ? CreatedModel.TryRead(path)?.From ?? "" : IsAdapter(path) ? BaseOf(path)
            : null)).Where(found => found.Item3 != "") : [];

    static bool IsAdapter(string path) => File.Exists(Path.Combine(path, AdapterConfig));

    static string BaseOf(string adapter)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(adapter, AdapterConfig)));
            return json.RootElement.GetProperty("base_model_name_or_path").GetString() ?? "";
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or KeyNotFoundException
            or InvalidOperationException)
        {
            return ""; // it cannot be served without
        }
    }

    /// <summary>File name without ".gguf" and without the part number, or the folder's name.</summary>
    public static string NameOf(string path)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        if (name is "model.safetensors" or "model.safetensors.index.json")
            return NameOf(Path.GetDirectoryName(Path.GetFullPath(path))!);
        if (CreatedModel.Is(name))
            return Path.GetFileNameWithoutExtension(Path.GetFileNameWithoutExtension(name));
        name = name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
            || name.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)
            ? Path.GetFileNameWithoutExtension(name) : name;
        // A folder of the shared cache is called after its commit: models--owner--name/snapshots/COMMIT.
        if (Path.GetFullPath(path).TrimEnd(Path.DirectorySeparatorChar).Split(Path.DirectorySeparatorChar) is [.., var repo, "snapshots", _]
            && repo.StartsWith("models--", StringComparison.Ordinal))
            name = repo[(repo.LastIndexOf("--", StringComparison.Ordinal) + 2)..];
        return SplitPart().Replace(name, "");
    }

    /// <summary>The name with the folders that lead to it, for a name that is taken.</summary>
    public static string LongNameOf(string folder, string path) =>
        Path.GetRelativePath(folder, path).Replace('\\', '/');

    /// <summary>The files of a model: those of a split one, or the one.</summary>
    public static IEnumerable<string> Parts(string path)
    {
        var stem = path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? path[..^".gguf".Length] : path;
        return SplitPart().Match(stem) is { Success: true } part
            ? Directory.EnumerateFiles(Path.GetDirectoryName(Path.GetFullPath(path))!,
                $"{Path.GetFileName(stem[..part.Index])}-*-of-*.gguf")
            : File.Exists(path) ? [path] : [];
    }

    /// <summary>The file or folder that a path leads to, through links.</summary>
    public static string RealPath(string path)
    {
        try
        {
            FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
            return info.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? info.FullName;
        }
        catch (IOException)
        {
            return Path.GetFullPath(path);
        }
    }

    /// <summary>Gives a file another name as well: by a link, or where the system makes none by a copy.</summary>
    public static void Link(string target, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (File.Exists(path) || new FileInfo(path).LinkTarget is not null)
            File.Delete(path);
        try
        {
            File.CreateSymbolicLink(path, RealPath(target));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException && OperatingSystem.IsWindows())
        {
            File.Copy(target, path);
        }
    }

    /// <summary>Gives a model another name in the folder.</summary>
    public static void Copy(string model, string folder, string name)
    {
        if (Directory.Exists(model))
        {
            foreach (var file in Directory.EnumerateFiles(model))
                Link(file, Path.Combine(folder, name, Path.GetFileName(file)));
            return;
        }
        foreach (var part in Parts(model).ToList())
        {
            var stem = Path.GetFileNameWithoutExtension(part);
            Link(part, Path.Combine(folder, $"{name}{(SplitPart().Match(stem) is { Success: true } split ? split.Value : "")}.gguf"));
        }
    }

    /// <summary>
    /// Removes a model of the folder, and folders that are empty then. What is a link is removed, and not what it leads to.
    /// </summary>
    public static void Remove(string model, string folder)
    {
        if (Directory.Exists(model))
            Directory.Delete(model, recursive: true);
        else if (CreatedModel.Is(model))
        {
            if (CreatedModel.TryRead(model)?.Adapter is { } adapter)
                File.Delete(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(model))!, adapter));
            File.Delete(model);
        }
        else
            foreach (var part in Parts(model).ToList())
                File.Delete(part);
        for (var parent = Path.GetDirectoryName(Path.GetFullPath(model)); parent is not null
            && parent.Length > Path.GetFullPath(folder).TrimEnd(Path.DirectorySeparatorChar).Length
            && Directory.Exists(parent) && !Directory.EnumerateFileSystemEntries(parent).Any(); parent = Path.GetDirectoryName(parent))
            Directory.Delete(parent);
    }

    /// <summary>Whether a path is below a folder.</summary>
    public static bool IsBelow(string path, string folder) =>
        Path.GetFullPath(path).StartsWith(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) + Path.DirectorySeparatorChar,
            StringComparison.Ordinal);

    static IEnumerable<string> Search(string folder, int depth)
    {
        var found = new List<string>();
        try
        {
            if (depth > 0 && IsAdapter(folder))
                return [folder]; // what lies in it is the adapter, not a model
            if (depth > 0 && File.Exists(Path.Combine(folder, "config.json")) && Directory.EnumerateFiles(folder, "*.safetensors").Any())
                found.Add(folder);
            foreach (var file in Directory.EnumerateFiles(folder, "*.gguf").Order(StringComparer.Ordinal))
                if (SplitPart().Match(file[..^".gguf".Length]) is not { Success: true } part || part.Groups[1].Value == "00001")
                    found.Add(file);
            found.AddRange(Directory.EnumerateFiles(folder, "*.json").Where(CreatedModel.Is).Order(StringComparer.Ordinal));
            if (depth < MaxDepth)
                foreach (var inner in Directory.EnumerateDirectories(folder).Where(d => !Path.GetFileName(d).StartsWith('.'))
                    .Order(StringComparer.Ordinal))
                    found.AddRange(Search(inner, depth + 1));
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            // A folder that cannot be read holds no models for us.
        }
        return found;
    }

    [GeneratedRegex(@"-(\d{5})-of-\d{5}\z")]
    private static partial Regex SplitPart();
}
