using System.Text.RegularExpressions;

namespace Banyan.Runtime.Files;

/// <summary>Finds the file that a path means.</summary>
static partial class ModelPath
{
    /// <summary>The .gguf, .safetensors or index file that <paramref name="path"/> names, or that the folder it names holds.</summary>
    public static string Find(string path)
    {
        if (File.Exists(path))
            return path;
        if (!Directory.Exists(path))
            throw new ModelFileException(path, "there is no such file or folder; check the path");

        var names = Directory.EnumerateFiles(path).Select(System.IO.Path.GetFileName).OfType<string>()
            .Order(StringComparer.Ordinal).ToList();
        // Of a split set the first part stands for all.
        var ggufs = names.Where(n => n.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            .Where(n => SplitPart().Match(n) is not { Success: true } part || int.Parse(part.Groups[1].ValueSpan) == 1).ToList();
        var safetensors = names.Where(n => n.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)).ToList();
        var found =
            ggufs.Count == 1 ? ggufs[0]
            : names.Contains("model.safetensors.index.json") ? "model.safetensors.index.json"
            : safetensors.Contains("model.safetensors") ? "model.safetensors"
            : safetensors.Count == 1 && ggufs.Count == 0 ? safetensors[0]
            : null;
        if (found is not null)
            return System.IO.Path.Combine(path, found);
        throw new ModelFileException(path, ggufs.Count + safetensors.Count == 0
            ? "the folder holds no .gguf and no .safetensors file; name a folder or file that does"
            : $"the folder holds several models ({string.Join(", ", ggufs.Concat(safetensors).Take(8))}); name one of them");
    }

    /// <summary>The name of a part of a split GGUF: prefix, part from 1 and number of parts.</summary>
    [GeneratedRegex(@"-(\d{5})-of-(\d{5})\.gguf\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    public static partial Regex SplitPart();
}
