namespace Banyan.Client.Hub;

/// <summary>Paths that a hub names are written below a folder of the user's: nothing may lead out of it, on any system.</summary>
static class RepoPaths
{
    static readonly string[] s_devices = ["con", "prn", "aux", "nul", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"];

    /// <summary>Whether a path can be a file below a folder.</summary>
    public static bool IsSafe(string path)
    {
        if (path.Length is 0 or > 1024 || path.Any(c => c < ' ' || c is '\\' or '\x7f'))
            return false;
        foreach (var part in path.Split('/'))
        {
            if (part is "" or "." or ".." || string.Equals(part, ".git", StringComparison.OrdinalIgnoreCase))
                return false;
            if (OperatingSystem.IsWindows() && (part.AsSpan().ContainsAny("<>:\"|?*") || part[^1] is '.' or ' ' || s_devices.Contains(part.Split('.')[0].TrimEnd(), StringComparer.OrdinalIgnoreCase)))
                return false;
        }
        return true;
    }

    /// <summary>A path of a repo in a URL: each part escaped, the slashes kept.</summary>
    public static string Escape(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}
