using System.Reflection;

namespace Banyan.Cli;

/// <summary>The model that ships with Banyan. Its files are beside the program; a single-file program contains them and unpacks them once
/// below the data folder, because weights are mapped from a file.</summary>
static class Sprout
{
    /// <summary>Its name, as a model and as a repository of the organization <c>banyan</c>.</summary>
    public const string Name = "sprout";

    /// <summary>Which of its files is the model that is served.</summary>
    public const string Weights = "sprout-Q8_0.gguf";

    // The served model is called after its file.
    const string WeightsFile = Name + ".gguf", Prefix = "models/";

    static readonly Assembly s_program = typeof(Sprout).Assembly;
    static readonly string[] s_inside =
        [.. s_program.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))];

    /// <summary>Its files by their path in the repository.</summary>
    /// <param name="dataFolder">Where they are unpacked (in <c>shipped/</c>) if they are embedded in the program.</param>
    /// <exception cref="IOException">They cannot be unpacked.</exception>
    public static IReadOnlyDictionary<string, string> Files(string dataFolder)
    {
        var models = Path.Combine(AppContext.BaseDirectory, "models");
        if (s_inside.Length > 0)
            Unpack(models = Path.Combine(dataFolder, "shipped"));
        var files = Directory.GetFiles(Path.Combine(models, Name)).ToDictionary(f => Path.GetFileName(f), f => f);
        files[Weights] = Path.Combine(models, WeightsFile);
        return files;
    }

    static void Unpack(string folder)
    {
        foreach (var name in s_inside)
        {
            var path = Path.Combine(folder, name[Prefix.Length..]);
            using var packed = s_program.GetManifestResourceStream(name)!;
            if (IsThere(path, packed))
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            packed.Position = 0;
            // Another process may have the file mapped, or be unpacking it too: renamed, never overwritten.
            var temporary = $"{path}.{Environment.ProcessId}.tmp";
            using (var file = File.Create(temporary))
                packed.CopyTo(file);
            File.Move(temporary, path, overwrite: true);
        }
    }

    static bool IsThere(string path, Stream packed)
    {
        if (!File.Exists(path) || new FileInfo(path).Length != packed.Length)
            return false;
        using var file = File.OpenRead(path);
        Span<byte> mine = stackalloc byte[8192], theirs = stackalloc byte[8192];
        int read;
        while ((read = packed.ReadAtLeast(mine, mine.Length, throwOnEndOfStream: false)) > 0)
        {
            if (file.ReadAtLeast(theirs[..read], read, throwOnEndOfStream: false) < read || !mine[..read].SequenceEqual(theirs[..read]))
                return false;
        }
        return true;
    }
}
