namespace Banyan.Client.Hub;

/// <summary>A hub's paths are written below a folder of the user: none may escape it, on any system.</summary>
static class RepoPaths
{
    static readonly string[] s_devices = ["con", "prn", "aux", "nul", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7",
        "com8", "com9", "lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"];

    /// <summary>Whether a path is valid for a file below a folder.</summary>
    public static bool IsSafe(string path)
    {
        if (path.Length is 0 or > 1024 || path.Any(c => c == '\\' || IsControl(c)) || IsToolsFolder(path))
            return false;
        foreach (var part in path.Split('/'))
        {
            if (part is "" or "." or ".." || string.Equals(part, ".git", StringComparison.OrdinalIgnoreCase))
                return false;
            if (OperatingSystem.IsWindows()
                && (part.AsSpan().ContainsAny("<>:\"|?*") || part[^1] is '.' or ' '
                    || s_devices.Contains(part.Split('.')[0].TrimEnd(), StringComparer.OrdinalIgnoreCase)))
                return false;
        }
        return true;
    }

    /// <summary>
    /// Files that tools keep beside pulled files, in any target folder: records of what was verified, partial downloads. A repo with such
    /// files could forge the tool's records.
    /// </summary>
    static bool IsToolsFolder(string path)
    {
        var parts = path.Split('/');
        return parts.Zip(parts.Skip(1))
            .Any(p => p.First.Equals(".cache", StringComparison.OrdinalIgnoreCase)
                && p.Second.Equals("huggingface", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Control characters, and characters that change how a text reads.</summary>
    static bool IsControl(char c) => char.IsControl(c)
        || c is '\u2028' or '\u2029' or '\u061c' or '\u200e' or '\u200f' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');

    /// <summary>A hub's message, safe for a terminal: without sequences that move the cursor or change the direction of text.</summary>
    public static string Shown(string text) =>
        text.Any(c => c != '\n' && IsControl(c)) ? string.Concat(text.Select(c => c != '\n' && IsControl(c) ? '\ufffd' : c)) : text;

    /// <summary>A path of a repo in a URL: each part escaped, the slashes kept.</summary>
    public static string Escape(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}
