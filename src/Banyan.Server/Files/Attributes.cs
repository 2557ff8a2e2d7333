using System.Text;

namespace Banyan.Server.Files;

/// <summary>Which files <c>.gitattributes</c> sends to LFS: the last line that matches and says so decides.</summary>
sealed class Attributes
{
    /// <summary>File's name.</summary>
    public const string FileName = ".gitattributes";

    /// <summary>What a line says of large files after its pattern.</summary>
    public const string Lfs = " filter=lfs diff=lfs merge=lfs -text";

    static readonly string[] s_large =
    [
        "*.7z", "*.arrow", "*.bin", "*.bz2", "*.ckpt", "*.ftz", "*.gguf", "*.gz", "*.h5", "*.joblib", "*.lfs.*", "*.mlmodel", "*.model",
        "*.msgpack", "*.npy", "*.npz", "*.onnx",
        "*.ot", "*.parquet", "*.pb", "*.pickle", "*.pkl", "*.pt", "*.pth", "*.rar", "*.safetensors", "saved_model/**/*", "*.tar.*", "*.tar",
        "*.tflite", "*.tgz", "*.wasm", "*.xz",
        "*.zip", "*.zst", "*tfevents*",
    ];

    readonly PathPatterns _patterns = new();

    /// <summary>What a new repository begins with.</summary>
    public static string Default { get; } = string.Concat(s_large.Select(p => $"{p}{Lfs}\n"));

    /// <summary>Reads the file; null is an empty one.</summary>
    public Attributes(byte[]? file)
    {
        foreach (var line in Encoding.UTF8.GetString(file ?? []).AsSpan().EnumerateLines())
            Add(line.Trim().ToString());
    }

    void Add(string line)
    {
        if (line.Length == 0 || line[0] == '#')
            return;
        string pattern, attributes;
        if (line[0] == '"' && line.LastIndexOf('"') is > 0 and var quote)
            (pattern, attributes) =
                (line[1..quote].Replace("\\\"", "\"", StringComparison.Ordinal)
                    .Replace(@"\\", @"\", StringComparison.Ordinal), line[(quote + 1)..]);
        else if (line.IndexOfAny([' ', '\t']) is > 0 and var space)
            (pattern, attributes) = (line[..space], line[space..]);
        else
            return;
        var words = attributes.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        bool? isLfs = words.Contains("filter=lfs") ? true
            : words.Any(w => w is "-filter" or "!filter" || w.StartsWith("filter=", StringComparison.Ordinal)) ? false : null;
        if (isLfs is { } lfs)
            _patterns.Add(pattern, lfs);
    }

    /// <summary>
    /// Whether a path is one of a large file. Where the patterns are too many or take too long no further path is: it gets a line of its
    /// own.
    /// </summary>
    public bool IsLfs(string path) => _patterns.Find(path) == true;

    /// <summary>Whether its patterns are too many, or take too long.</summary>
    public bool IsTooMuch => _patterns.TooMany || _patterns.IsExhausted;

    /// <summary>The file with lines for these paths at its end.</summary>
    public static byte[] With(byte[]? file, IEnumerable<string> paths)
    {
        var text = new StringBuilder(Encoding.UTF8.GetString(file ?? []));
        if (text.Length > 0 && text[^1] != '\n')
            text.Append('\n');
        foreach (var path in paths)
            text.Append(Quoted(path)).Append(Lfs).Append('\n');
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    static string Quoted(string path)
    {
        var pattern = string.Concat(path.Select(c => c is '*' or '?' or '[' or '\\' ? $"\\{c}" : c.ToString()));
        // A line's first word is its pattern: what has spaces, or would be read as a comment or a negation, is written otherwise.
        pattern = pattern.Replace(" ", "[[:space:]]", StringComparison.Ordinal);
        return pattern[0] is '#' or '!' or '"' ? $"\\{pattern}" : pattern;
    }
}
