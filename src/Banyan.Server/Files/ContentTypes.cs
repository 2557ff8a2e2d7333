namespace Banyan.Server.Files;

/// <summary>The content types of files: never one that a browser would run, whatever the name, since repositories contain strangers'
/// files.</summary>
static class ContentTypes
{
    const string Text = "text/plain; charset=utf-8", Binary = "application/octet-stream";

    static readonly Dictionary<string, string> s_types = new(StringComparer.OrdinalIgnoreCase)
    {
        [".json"] = "application/json",
        [".png"] = "image/png",
        [".jpg"] = "image/jpeg",
        [".jpeg"] = "image/jpeg",
        [".gif"] = "image/gif",
        [".webp"] = "image/webp",
        [".wav"] = "audio/wav",
        [".mp3"] = "audio/mpeg",
        [".flac"] = "audio/flac",
        [".mp4"] = "video/mp4",
        [".pdf"] = "application/pdf",
    };

    static readonly HashSet<string> s_text = new(
        [
            "", ".c", ".cfg", ".cpp", ".cs", ".css", ".csv", ".gitattributes", ".gitignore", ".go", ".h", ".htm", ".html", ".ini", ".java",
            ".jinja", ".js", ".jsonl", ".md", ".model",
            ".py", ".rs", ".sh", ".svg", ".toml", ".ts", ".tsv", ".txt", ".xml", ".yaml", ".yml",
        ],
        StringComparer.OrdinalIgnoreCase);

    public static string Of(string path, bool isLarge)
    {
        var extension = Path.GetExtension(path);
        return s_types.TryGetValue(extension, out var type) ? type : !isLarge && s_text.Contains(extension) ? Text : Binary;
    }
}
